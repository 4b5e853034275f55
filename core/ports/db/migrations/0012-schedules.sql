-- Schedules, their slots and backfills.

-- What is known of each schedule: one row since it was first loaded.
CREATE TABLE tutti.schedule (
  tenant_id int,
  name text,
  -- Digest of the declaration that counts, that of the engine which was started last: one that has another leaves the schedule alone, until
  -- nobody has been seen with this one for a while.
  declared bytea NOT NULL,
  -- When that engine was started.
  since timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  -- Digest of its times alone: other times begin anew.
  timing bytea NOT NULL,
  -- Every slot up to here has its row, or came before the schedule was known.
  through_at timestamptz NOT NULL,
  paused_at timestamptz,
  paused_by jsonb,
  pause_reason text,
  PRIMARY KEY (tenant_id, name)
);
SELECT tutti.protect('tutti.schedule');
GRANT SELECT, INSERT, UPDATE ON tutti.schedule TO tutti_engine;
GRANT SELECT ON tutti.schedule TO tutti_tenant;

-- Slots that people have asked for again.
CREATE TABLE tutti.backfill (
  tenant_id int,
  id uuid,
  schedule text NOT NULL,
  -- Of whoever asked; the same again is the same backfill.
  key text NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  reprocess text NOT NULL CHECK (reprocess IN ('none', 'failed', 'completed')),
  max_active_runs int NOT NULL CHECK (max_active_runs > 0),
  run_order text NOT NULL CHECK (run_order IN ('forwards', 'backwards')),
  state text NOT NULL CHECK (state IN ('running', 'ended', 'cancelled')),
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, schedule, key)
);
CREATE INDEX backfill_running ON tutti.backfill (tenant_id) WHERE state = 'running';
SELECT tutti.protect('tutti.backfill');
GRANT SELECT, INSERT, UPDATE ON tutti.backfill TO tutti_engine;
GRANT SELECT ON tutti.backfill TO tutti_tenant;

-- A slot comes due once by the clock, and may be triggered and backfilled beside that: each of these is a row, which names the key of
-- the run that it starts. So it is stored first what is to start, then the run under that key, then its id: a crash between two of them
-- loses nothing and doubles nothing.
ALTER TABLE tutti.schedule_slot DROP CONSTRAINT schedule_slot_pkey;
ALTER TABLE tutti.schedule_slot
  ADD id uuid,
  ADD origin text NOT NULL CHECK (origin IN ('schedule', 'trigger', 'backfill')),
  ADD backfill_id uuid,
  -- due: it is to start · queued: it waits for others · fired: its run is stored · ended: that has ended
  -- skipped: it does not start, for the reason given · failed: its run could not be stored
  ADD state text NOT NULL CHECK (state IN ('due', 'queued', 'fired', 'ended', 'skipped', 'failed')),
  ADD reason text,
  ADD due_at timestamptz NOT NULL,
  ADD decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD run_key text NOT NULL,
  ADD business_date date NOT NULL,
  ADD time_zone text NOT NULL,
  -- Status of the run that has ended; gone: nobody knows it any more.
  ADD outcome text,
  ADD error jsonb,
  -- Who triggered or backfilled it.
  ADD actor jsonb,
  ADD PRIMARY KEY (tenant_id, id);
ALTER TABLE tutti.schedule_slot ALTER schedule SET NOT NULL, ALTER slot_at SET NOT NULL;
-- Once by the clock, whoever looks.
CREATE UNIQUE INDEX schedule_slot_once ON tutti.schedule_slot (tenant_id, schedule, slot_at) WHERE origin = 'schedule';
CREATE UNIQUE INDEX schedule_slot_triggered ON tutti.schedule_slot (tenant_id, schedule, run_key) WHERE origin = 'trigger';
CREATE INDEX schedule_slot_backfill ON tutti.schedule_slot (tenant_id, backfill_id, slot_at) WHERE backfill_id IS NOT NULL;
CREATE INDEX schedule_slot_recent ON tutti.schedule_slot (tenant_id, schedule, slot_at DESC, id DESC);
-- All that is looked at while nothing is due.
CREATE INDEX schedule_slot_open ON tutti.schedule_slot (tenant_id, schedule) WHERE state IN ('due', 'queued', 'fired');
