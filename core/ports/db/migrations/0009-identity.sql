-- Identity: API keys as people use them, tokens that are refused before they expire, tenants that can be suspended.

-- Null: it may be used. Callers of a suspended tenant are refused; its runs are left alone.
ALTER TABLE tutti.tenant ADD COLUMN suspended_at timestamptz;

ALTER TABLE tutti.api_key
  -- Whom it stands for; null: nobody.
  ADD COLUMN person text,
  -- The name of its rate in the configuration; null: its roles say which.
  ADD COLUMN rate text,
  ADD COLUMN made_by jsonb NOT NULL,
  ADD COLUMN made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Kept to the minute.
  ADD COLUMN last_used_at timestamptz,
  -- What it was before it was rotated works until a moment.
  ADD COLUMN old_prefix text UNIQUE,
  ADD COLUMN old_hash bytea,
  ADD COLUMN old_until timestamptz;

-- Keys are made by the service and not by the tenant's side: whoever could write here could make a key that may do everything. The hashes
-- are for the one look-up that checks a key.
REVOKE SELECT, INSERT, UPDATE ON tutti.api_key FROM tutti_tenant;
GRANT SELECT (tenant_id, id, prefix, name, roles, scopes, person, rate, expires_at, revoked_at, made_by, made_at, last_used_at, old_prefix,
  old_until) ON tutti.api_key TO tutti_tenant;

-- Tokens of issuers that count no more, by their `jti`, until they have expired by themselves.
CREATE TABLE tutti.denied_token (
  tenant_id int,
  issuer text,
  id text,
  until timestamptz NOT NULL,
  denied_by jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, issuer, id)
);
SELECT tutti.protect('tutti.denied_token');
GRANT SELECT, INSERT, DELETE ON tutti.denied_token TO tutti_engine;
GRANT SELECT ON tutti.denied_token TO tutti_tenant;
