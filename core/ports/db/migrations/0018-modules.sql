-- Modules that are loaded while Tutti runs: every engine follows these rows. One that was taken away keeps its row.
CREATE TABLE tutti.module_load (
  -- as the configuration's loadable names it
  name text PRIMARY KEY,
  -- Rises with each load; another one is read from the files anew.
  generation int NOT NULL,
  version text NOT NULL,
  -- SHA-256 of the files that were checked, hex.
  code text NOT NULL,
  -- Whether it is to be loaded.
  wanted boolean NOT NULL,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON tutti.module_load TO tutti_engine;

-- What each engine has made of them: name, generation, state, error.
ALTER TABLE tutti.engine ADD COLUMN modules jsonb NOT NULL DEFAULT '[]';
