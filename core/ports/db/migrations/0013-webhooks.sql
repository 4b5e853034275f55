-- Endpoints that are told of events, and what was delivered to them; messages to people, the morning report and alerts.

CREATE TABLE tutti.webhook (
  tenant_id int,
  id uuid,
  url text NOT NULL,
  about text NOT NULL DEFAULT '',
  -- What it is told of; empty: of all.
  types text[] NOT NULL DEFAULT '{}',
  modules text[] NOT NULL DEFAULT '{}',
  companies text[] NOT NULL DEFAULT '{}',
  -- Deliveries at once, of all engines together.
  concurrency smallint NOT NULL DEFAULT 2 CHECK (concurrency BETWEEN 1 AND 4),
  -- It is told of what happens from here on.
  enabled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  disabled_at timestamptz,
  disabled_by text CHECK (disabled_by IN ('person', 'gone', 'unreachable')),
  last_success_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CHECK ((disabled_at IS NULL) = (disabled_by IS NULL))
);
SELECT tutti.protect('tutti.webhook');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.webhook TO tutti_engine;
GRANT SELECT ON tutti.webhook TO tutti_tenant;

-- What deliveries are signed with. No tenant's side reads the secret itself: it is shown once, when it is made.
CREATE TABLE tutti.webhook_secret (
  tenant_id int,
  webhook_id uuid,
  id uuid,
  secret bytea NOT NULL,
  -- The key that it is sealed under; null: it lies there as it is.
  key_id text,
  created_at timestamptz NOT NULL,
  -- Of one that was rotated away: until then it signs, too.
  expires_at timestamptz,
  PRIMARY KEY (tenant_id, webhook_id, id)
);
SELECT tutti.protect('tutti.webhook_secret');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.webhook_secret TO tutti_engine;
GRANT SELECT (tenant_id, webhook_id, id, created_at, expires_at) ON tutti.webhook_secret TO tutti_tenant;

-- Up to where a tenant's feed has been made into deliveries; the row's lock is the right to read on.
CREATE TABLE tutti.webhook_place (
  tenant_id int PRIMARY KEY,
  tx bigint NOT NULL,
  run_id uuid NOT NULL
);
SELECT tutti.protect('tutti.webhook_place');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.webhook_place TO tutti_engine;
GRANT SELECT ON tutti.webhook_place TO tutti_tenant;

-- One delivery an endpoint and event, whoever makes it and however often.
ALTER TABLE tutti.delivery ADD COLUMN event text NOT NULL DEFAULT '';
ALTER TABLE tutti.delivery ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE tutti.delivery ADD COLUMN ended_at timestamptz;
-- Whoever makes an attempt has it until then; an engine that died leaves it to the next.
ALTER TABLE tutti.delivery ADD COLUMN claimed_until timestamptz;
-- Attempts before it was last replayed: its schedule begins anew.
ALTER TABLE tutti.delivery ADD COLUMN replayed_from smallint NOT NULL DEFAULT 0;
ALTER TABLE tutti.delivery ADD CHECK (state IN ('pending', 'delivered', 'failed'));
CREATE UNIQUE INDEX delivery_event ON tutti.delivery (tenant_id, endpoint_id, event);
CREATE INDEX delivery_endpoint ON tutti.delivery (tenant_id, endpoint_id, next_at) WHERE state = 'pending';
CREATE INDEX delivery_ended ON tutti.delivery (ended_at) WHERE state <> 'pending';

CREATE TABLE tutti.delivery_attempt (
  tenant_id int,
  delivery_id uuid,
  no smallint,
  began_at timestamptz NOT NULL,
  -- Null: whoever made it has died, and nobody knows.
  duration_ms int,
  -- The answer's; null when there was none.
  status smallint,
  error text,
  answer text,
  PRIMARY KEY (tenant_id, delivery_id, no)
);
SELECT tutti.protect('tutti.delivery_attempt');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.delivery_attempt TO tutti_engine;
GRANT SELECT ON tutti.delivery_attempt TO tutti_tenant;

-- What happens outside of run journals and endpoints are told of: written by the transaction in which it happens, deleted by the one
-- that makes deliveries of it.
CREATE TABLE tutti.notice (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id int NOT NULL,
  type text NOT NULL,
  -- The question's or the stop's.
  subject uuid NOT NULL,
  state text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tutti.protect('tutti.notice');
-- UPDATE: whoever locks a row needs it.
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.notice TO tutti_engine;
GRANT SELECT, INSERT ON tutti.notice TO tutti_tenant;

-- Nothing is noted where nobody listens, nor by whoever restores a backup, which is no role of ours.
CREATE FUNCTION tutti.note(tenant int, what text, which uuid, how text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO tutti.notice (tenant_id, type, subject, state)
  SELECT DISTINCT w.tenant_id, what, which, how FROM tutti.webhook w
  WHERE (tenant = 0 OR w.tenant_id = tenant) AND w.disabled_at IS NULL AND current_user IN ('tutti_engine', 'tutti_tenant')
$$;
CREATE FUNCTION tutti.note_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tutti.note(NEW.tenant_id, CASE WHEN NEW.state = 'open' THEN 'approval.requested' WHEN NEW.state IN ('granted', 'refused') THEN 'approval.decided'
    ELSE 'approval.lapsed' END, NEW.id, NEW.state);
  RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT ON tutti.approval FOR EACH ROW EXECUTE FUNCTION tutti.note_approval();
CREATE TRIGGER noted_change AFTER UPDATE OF state ON tutti.approval FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state <> 'consumed') EXECUTE FUNCTION tutti.note_approval();
CREATE FUNCTION tutti.note_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tutti.note(NEW.tenant_id, CASE WHEN NEW.lifted_at IS NULL THEN 'stop.set' ELSE 'stop.lifted' END, NEW.id, '');
  RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT ON tutti.stop FOR EACH ROW EXECUTE FUNCTION tutti.note_stop();
CREATE TRIGGER noted_change AFTER UPDATE OF lifted_at ON tutti.stop FOR EACH ROW
  WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL) EXECUTE FUNCTION tutti.note_stop();

-- Messages to people, by mail or Slack: written with what they tell of, and sent until they are taken.
CREATE TABLE tutti.message (
  tenant_id int,
  id uuid,
  -- What they tell of: it is told once.
  event text NOT NULL,
  way text NOT NULL CHECK (way IN ('mail', 'slack')),
  recipients text[] NOT NULL,
  subject text NOT NULL,
  -- Null once it is over: what was sent is with who got it.
  body jsonb,
  attempt smallint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  claimed_until timestamptz,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
  error text,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, event, way)
);
CREATE INDEX message_due ON tutti.message (next_at) WHERE state = 'pending';
SELECT tutti.protect('tutti.message');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.message TO tutti_engine;
GRANT SELECT ON tutti.message TO tutti_tenant;

-- One row a night that was reported: a run, or the day of a night that never began.
CREATE TABLE tutti.morning_report (
  tenant_id int,
  night text,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, night)
);
SELECT tutti.protect('tutti.morning_report');
GRANT SELECT, INSERT, DELETE ON tutti.morning_report TO tutti_engine;
GRANT SELECT ON tutti.morning_report TO tutti_tenant;

-- What is past its threshold, or was.
CREATE TABLE tutti.alert (
  tenant_id int,
  rule text,
  -- What it is about: a workflow, a budget, an agent; '' where there is one only.
  subject text,
  detail jsonb NOT NULL,
  raised_at timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  over_at timestamptz,
  PRIMARY KEY (tenant_id, rule, subject)
);
SELECT tutti.protect('tutti.alert');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.alert TO tutti_engine;
GRANT SELECT ON tutti.alert TO tutti_tenant;

-- Whose turn something of the whole installation last was: of several engines one does it.
CREATE TABLE tutti.service_turn (
  name text PRIMARY KEY,
  at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.service_turn TO tutti_engine;
