-- Models under control: what limits, budgets, plans and rehearsals need beyond the earlier tables.

-- Budgets: when a purse passed its warning mark. Set once, by whoever finds it null: one warning a day and scope, whatever the
-- number of engines and restarts.
ALTER TABLE tutti.budget ADD COLUMN warned_at timestamptz;

-- Costs: whether a call went through a provider's batches, whose prices are others.
ALTER TABLE tutti.ledger ADD COLUMN batch boolean NOT NULL DEFAULT false;

-- Limits an hour and a day: one row a limit and window, shared by all engines. Its three columns, their names and their order are
-- those that the library rate-limiter-flexible writes; `expire` is milliseconds since the epoch.
CREATE TABLE tutti.rate_window (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.rate_window TO tutti_engine;

-- Shares of limits: made anew, since no engine has used them. A row says what an engine may use of one limit (`amount`), and
-- what it has used beyond that while it held more, which counts until a moment. An engine that is alone has no rows: it holds
-- everything. One that shares has the row '' '', so that a missing row means nothing is held.
DROP TABLE tutti.share;
CREATE TABLE tutti.share (
  resource text,
  kind text,
  engine_id uuid REFERENCES tutti.engine ON DELETE CASCADE,
  amount bigint NOT NULL,
  used bigint NOT NULL DEFAULT 0,
  used_until timestamptz NOT NULL,
  -- How long the use of this limit counts.
  span_ms int NOT NULL,
  -- What it could use, and the least that helps it.
  demand bigint NOT NULL,
  unit bigint NOT NULL,
  -- When it last had anything of the limit: who went without for longest comes first.
  fed_at timestamptz NOT NULL,
  PRIMARY KEY (resource, kind, engine_id)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.share TO tutti_engine;

-- Rehearsals: what they find is listed with them, and is no news to anybody.
ALTER TABLE tutti.finding ADD COLUMN simulated boolean NOT NULL DEFAULT false;

-- Explanations: what the owner of a run answers to whoever asked, in another process, what its steps wait for. A row goes when it
-- is read, or a minute later; a crash may lose it.
CREATE UNLOGGED TABLE tutti.explanation (
  id uuid PRIMARY KEY,
  tenant_id int NOT NULL,
  run_id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  data jsonb NOT NULL
);
SELECT tutti.protect('tutti.explanation');
GRANT SELECT, INSERT, DELETE ON tutti.explanation TO tutti_engine;
GRANT SELECT ON tutti.explanation TO tutti_tenant;

-- Batches: a step whose model call is in a provider's batch waits for it; the attempt that asked for the call has ended for that.
ALTER TABLE tutti.step DROP CONSTRAINT step_wait_check,
  ADD CONSTRAINT step_wait_check CHECK (wait IN ('approval', 'timer', 'event', 'budget', 'version', 'review', 'batch'));
ALTER TABLE tutti.attempt DROP CONSTRAINT attempt_outcome_check,
  ADD CONSTRAINT attempt_outcome_check CHECK (outcome IN
    ('succeeded', 'failed', 'timed_out', 'cancelled', 'crashed', 'lost', 'batched'));
