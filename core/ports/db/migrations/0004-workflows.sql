-- The whole workflow language: what steps that wait for something outside of their run need.

-- Another run, which the step started.
ALTER TABLE tutti.step DROP CONSTRAINT step_wait_check;
ALTER TABLE tutti.step ADD CONSTRAINT step_wait_check CHECK (wait IN
  ('approval', 'timer', 'event', 'budget', 'version', 'review', 'batch', 'child'));

-- A step asks for its children by its run.
CREATE INDEX run_parent ON tutti.run (parent_run_id) WHERE parent_run_id IS NOT NULL;

-- What people are asked: of an approval node its sentence and what it shows, of an effect what would be written.
ALTER TABLE tutti.approval ADD COLUMN title text NOT NULL DEFAULT '';
ALTER TABLE tutti.approval ADD COLUMN shown jsonb;
-- Roles and persons that may decide.
ALTER TABLE tutti.approval ADD COLUMN deciders text[] NOT NULL DEFAULT '{}';
-- One open question a step; a step that is opened again meets the one that it has.
CREATE UNIQUE INDEX approval_step ON tutti.approval (tenant_id, run_id, step) WHERE state = 'open' AND effect_key IS NULL;
