-- Nothing lost: what resuming, settling, holding and counting need beyond the first tables.

-- The number of each engine's last flush that committed: after a lost connection it tells whether the flush in flight is in,
-- and keeps it from being written twice. Not a column of engine: a flush that waits for a lock would hold up the heartbeat.
CREATE TABLE tutti.flush (
  engine_id uuid PRIMARY KEY REFERENCES tutti.engine ON DELETE CASCADE,
  no bigint NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.flush TO tutti_engine;

-- Which process an engine is, beyond its number, which another may get: kernel boot, pid namespace and start. Null: not known.
ALTER TABLE tutti.engine ADD COLUMN process text;

-- Who settled an effect whose end nobody knew, and how.
ALTER TABLE tutti.effect ADD COLUMN review jsonb;

-- Runs that retention and erasure leave alone.
CREATE TABLE tutti.hold (
  tenant_id int,
  run_id uuid,
  reason text NOT NULL,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, run_id)
);
SELECT tutti.protect('tutti.hold');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.hold TO tutti_engine;
GRANT SELECT ON tutti.hold TO tutti_tenant;

-- Classes of a run's payloads whose bodies retention has erased: it does not look at them again.
ALTER TABLE tutti.run ADD COLUMN erased text[] NOT NULL DEFAULT '{}';

-- What was erased from which run, by whom and why. It outlives the run.
CREATE TABLE tutti.erasure (
  tenant_id int,
  id bigint GENERATED ALWAYS AS IDENTITY,
  run_id uuid NOT NULL,
  what text NOT NULL,
  reason text NOT NULL,
  actor jsonb NOT NULL,
  payloads int NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
SELECT tutti.protect('tutti.erasure');
GRANT SELECT, INSERT ON tutti.erasure TO tutti_engine;
GRANT SELECT ON tutti.erasure TO tutti_tenant;

-- A backup is read as the engine, who sees every tenant: the tables of the embedded ERP, and those that come later.
GRANT SELECT ON ALL TABLES IN SCHEMA erp TO tutti_engine;
ALTER DEFAULT PRIVILEGES IN SCHEMA erp GRANT SELECT ON TABLES TO tutti_engine;
