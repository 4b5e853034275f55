-- Nothing lost: what resuming, settling, holding and counting need beyond the first tables.

-- The number of the last flush that committed: after a lost connection it tells whether the flush in flight is in.
ALTER TABLE tutti.engine ADD COLUMN flush_no bigint NOT NULL DEFAULT 0;

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
