-- The whole workflow language: what steps that wait for something outside of their run need.

-- Another run, which the step started.
ALTER TABLE tutti.step DROP CONSTRAINT step_wait_check;
ALTER TABLE tutti.step ADD CONSTRAINT step_wait_check CHECK (wait IN
  ('approval', 'timer', 'event', 'budget', 'version', 'review', 'batch', 'child'));

-- A step asks for its children by its run.
CREATE INDEX run_parent ON tutti.run (parent_run_id) WHERE parent_run_id IS NOT NULL;
-- And once a second it is looked for those whose parent is over.
CREATE INDEX run_open_child ON tutti.run (parent_run_id) WHERE parent_run_id IS NOT NULL AND ended_at IS NULL;

-- What people are asked: of an approval node its sentence and what it shows, of an effect what would be written.
ALTER TABLE tutti.approval ADD COLUMN title text NOT NULL DEFAULT '';
ALTER TABLE tutti.approval ADD COLUMN shown jsonb;
-- Roles and persons that may decide.
ALTER TABLE tutti.approval ADD COLUMN deciders text[] NOT NULL DEFAULT '{}';
-- The step's path, as people know it.
ALTER TABLE tutti.approval ADD COLUMN path text NOT NULL DEFAULT '';
ALTER TABLE tutti.approval ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now();
-- Who decides as well once nobody has decided by escalate_at; from escalated_at on they stand among the deciders.
ALTER TABLE tutti.approval ADD COLUMN escalate_to text[] NOT NULL DEFAULT '{}';
ALTER TABLE tutti.approval ADD COLUMN escalated_at timestamptz;
-- When it stopped being open.
ALTER TABLE tutti.approval ADD COLUMN closed_at timestamptz;
-- One question a step, whatever has become of it: a step that is opened again meets the one that it has, and its answer.
CREATE UNIQUE INDEX approval_step ON tutti.approval (tenant_id, run_id, step) WHERE effect_key IS NULL;
-- What waits for people, for a moment or for its end.
CREATE INDEX approval_open ON tutti.approval (expires_at) WHERE state = 'open';

-- The account or the door that a vote came through, beside the person whose vote it is.
ALTER TABLE tutti.approval_vote ADD COLUMN via text NOT NULL DEFAULT '';

-- Who decides for whom, until when. Rows are never deleted: votes refer to them by person and moment.
CREATE TABLE tutti.delegation (
  tenant_id int,
  id uuid,
  from_person text NOT NULL,
  to_person text NOT NULL,
  until timestamptz NOT NULL,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Before its time; a newer one between the same two ends the older.
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX delegation_pair ON tutti.delegation (tenant_id, from_person, to_person) WHERE ended_at IS NULL;
SELECT tutti.protect('tutti.delegation');
GRANT SELECT, INSERT, UPDATE ON tutti.delegation TO tutti_engine;
GRANT SELECT ON tutti.delegation TO tutti_tenant;

-- Which further documents an effect bears on, for the separation of duties: those that its target comes from (`related`), and the
-- one that it brought about (`made`), which has no id before. Its target stands with the effect itself.
CREATE TABLE tutti.effect_document (
  tenant_id int,
  entity text,
  record_id text,
  part text CHECK (part IN ('related', 'made')),
  key bytea,
  PRIMARY KEY (tenant_id, entity, record_id, part, key)
);
SELECT tutti.protect('tutti.effect_document');
GRANT SELECT, INSERT ON tutti.effect_document TO tutti_engine;
GRANT SELECT ON tutti.effect_document TO tutti_tenant;
