-- Sessions of people in browsers: whoever has shown a key or a token goes on with a cookie. One that has ended has no row.
CREATE TABLE tutti.session (
  tenant_id int,
  id uuid,
  -- SHA-256 of what its cookie holds.
  hash bytea NOT NULL UNIQUE,
  -- Whose it is, as callers are told apart.
  principal text NOT NULL,
  -- Begun with a key: which, and by which of its texts. Null: with a token.
  key_id uuid,
  key_prefix text,
  -- Begun with a token: of whom, by which `jti` if it has one, and what it said of its bearer.
  issuer text,
  token_id text,
  bearer jsonb,
  made_at timestamptz NOT NULL,
  -- Kept to the minute.
  seen_at timestamptz NOT NULL,
  -- When it ends if nobody uses it; never after expires_at.
  idle_until timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  user_agent text NOT NULL,
  address text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CHECK ((key_id IS NULL) = (key_prefix IS NULL)),
  CHECK (key_id IS NOT NULL OR (issuer IS NOT NULL AND bearer IS NOT NULL))
);
SELECT tutti.protect('tutti.session');
GRANT SELECT, INSERT, UPDATE, DELETE ON tutti.session TO tutti_engine;
-- Sessions are made by the service, as keys are; hashes are for the one look-up that checks a cookie.
GRANT SELECT (tenant_id, id, principal, key_id, key_prefix, issuer, token_id, bearer, made_at, seen_at, idle_until, expires_at, user_agent,
  address) ON tutti.session TO tutti_tenant;
