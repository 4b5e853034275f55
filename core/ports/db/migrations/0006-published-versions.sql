-- Versions by hand: which version of a workflow is in force, and who said so.

-- One row each time somebody publishes a version, goes back to an older one, or lets the loaded code decide again (`released`: no
-- version). Rows are never changed: the newest of a name counts.
CREATE TABLE tutti.publication (
  tenant_id int,
  kind text,
  name text,
  no int,
  how text NOT NULL CHECK (how IN ('published', 'rolled_back', 'released')),
  -- Null: released.
  version int,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, kind, name, no)
);
SELECT tutti.protect('tutti.publication');
GRANT SELECT, INSERT ON tutti.publication TO tutti_engine;
GRANT SELECT ON tutti.publication TO tutti_tenant;
