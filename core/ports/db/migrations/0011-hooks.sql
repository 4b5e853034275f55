-- ERP events as they came, and what became of them.

-- An event is a row, whatever follows from it; what is to be done about it stands in tutti.hook_firing, a row for each hook that listens
-- and each record. No release has written events before this one.
ALTER TABLE tutti.hook_event
  -- UUIDv7, the order in which they came.
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- The sender's name for what happened.
  ADD COLUMN type text,
  ADD COLUMN occurred_at timestamptz,
  DROP COLUMN coalesce_key,
  DROP COLUMN due_at,
  DROP COLUMN state,
  DROP COLUMN run_id;
CREATE UNIQUE INDEX hook_event_id ON tutti.hook_event (tenant_id, id);
-- Whether an event has told of this version of a record: a sweep asks.
CREATE INDEX hook_event_version ON tutti.hook_event (tenant_id, entity, record_id, version) WHERE record_id IS NOT NULL;
-- Rows come in the order of time, so a few pages tell where the old ones end.
CREATE INDEX hook_event_age ON tutti.hook_event USING brin (received_at);

-- pending → claimed → starting → started, or skipped, or merged. What fails waits and is claimed again; in the end it is dead.
CREATE TABLE tutti.hook_firing (
  tenant_id int,
  id uuid,
  hook text NOT NULL,
  entity text,
  record_id text,
  -- What is coalesced: the record, or the event where there is none.
  key text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'waiting', 'claimed', 'starting', 'started', 'skipped', 'merged', 'dead')),
  -- When somebody may take it: also one whose engine has died in the middle.
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  -- Whoever claimed it last; only they may settle it.
  claim uuid,
  -- How many events it stands for, and the last hundred of them.
  events int NOT NULL,
  event_ids uuid[] NOT NULL,
  -- Of a replay: it may start a run for a change that has started one.
  replayed_by jsonb,
  -- The version of the record that was read, and the change that the run is for: one run each.
  version text,
  change text,
  -- What the run is started with, decided before it is started, so that who takes it up after a crash starts the same.
  input jsonb,
  company text,
  run_id uuid,
  -- Why it was skipped, or what it failed of.
  reason text,
  error jsonb,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
SELECT tutti.protect('tutti.hook_firing');
-- What comes within the debounce joins the firing that waits for it.
CREATE UNIQUE INDEX hook_firing_pending ON tutti.hook_firing (tenant_id, hook, key) WHERE state = 'pending';
-- One firing of a hook and a record at a time, so that what is written of the record is in the order in which it was read.
CREATE UNIQUE INDEX hook_firing_busy ON tutti.hook_firing (tenant_id, hook, key) WHERE state IN ('claimed', 'starting');
-- No change starts two runs of a hook.
CREATE UNIQUE INDEX hook_firing_change ON tutti.hook_firing (tenant_id, hook, change) WHERE change IS NOT NULL;
CREATE INDEX hook_firing_due ON tutti.hook_firing (due_at) WHERE state IN ('pending', 'waiting', 'claimed', 'starting');
CREATE INDEX hook_firing_key ON tutti.hook_firing (tenant_id, key);
CREATE INDEX hook_firing_dead ON tutti.hook_firing (tenant_id, id) WHERE state = 'dead';
CREATE INDEX hook_firing_age ON tutti.hook_firing USING brin (created_at);

-- Whether the condition of a hook held when its record was last seen: one that fires when it becomes true compares.
CREATE TABLE tutti.hook_seen (
  tenant_id int,
  hook text,
  key text,
  holds boolean NOT NULL,
  version text,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, hook, key)
);
SELECT tutti.protect('tutti.hook_seen');

-- Hooks that somebody has paused: their firings wait.
CREATE TABLE tutti.hook_pause (
  tenant_id int,
  hook text,
  actor jsonb NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, hook)
);
SELECT tutti.protect('tutti.hook_pause');

-- How far sweeps have come. Null: the next one begins there and then, with no past.
CREATE TABLE tutti.hook_cursor (
  tenant_id int,
  entity text,
  cursor text,
  -- Where the last sweep began: the next one begins there again, so that what its ERP shows late is not missed.
  previous text,
  due_at timestamptz NOT NULL,
  swept_at timestamptz,
  error jsonb,
  PRIMARY KEY (tenant_id, entity)
);
SELECT tutti.protect('tutti.hook_cursor');

GRANT SELECT, INSERT, UPDATE, DELETE ON
  tutti.hook_firing, tutti.hook_seen, tutti.hook_pause, tutti.hook_cursor TO tutti_engine;
GRANT SELECT ON tutti.hook_firing, tutti.hook_seen, tutti.hook_pause, tutti.hook_cursor TO tutti_tenant;
