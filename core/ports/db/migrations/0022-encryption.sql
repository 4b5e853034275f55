-- Personal data encrypted at rest: bodies are sealed under data keys, and data keys under a master key that no database holds.

-- Every master key that data keys have been sealed under, by a digest that tells nothing of it: who has none of them does not begin.
CREATE TABLE tutti.master_key (
  id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON tutti.master_key TO tutti_engine;
GRANT SELECT ON tutti.master_key TO tutti_tenant;

-- What opens the bodies of one run and class. Its row is deleted with the last of them that is erased, and with it whatever copies of
-- them there are; backups keep these rows in a file of their own.
CREATE TABLE tutti.data_key (
  tenant_id int,
  run_id uuid,
  class text,
  -- Drawn: no key of this run and class has had it before.
  id int,
  -- That it is sealed under.
  master text NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (tenant_id, run_id, class, id)
);
SELECT tutti.protect('tutti.data_key');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.data_key TO tutti_engine;

-- The key that a question's title and what it shows are sealed with; null: they lie there as they are.
ALTER TABLE tutti.approval ADD COLUMN key_id int;
