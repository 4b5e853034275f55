-- Stops: what people have stopped, for whom it is lifted, and every stop that there was. Rows are never deleted.
CREATE TABLE tutti.stop (
  -- 0 for a stop of everything.
  tenant_id int,
  id uuid,
  -- all, tenant, module:NAME or agent:NAME
  reach text NOT NULL,
  reason text NOT NULL,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_by jsonb,
  lifted_at timestamptz,
  lift_reason text,
  PRIMARY KEY (tenant_id, id)
);
-- One stands for each reach; this is all that engines look at, four times a second.
CREATE UNIQUE INDEX stop_standing ON tutti.stop (tenant_id, reach) WHERE lifted_at IS NULL;
SELECT tutti.protect('tutti.stop');
GRANT SELECT, INSERT, UPDATE ON tutti.stop TO tutti_engine;
GRANT SELECT ON tutti.stop TO tutti_tenant;
