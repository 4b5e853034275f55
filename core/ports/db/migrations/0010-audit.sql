-- The audit log is written by every change that a person or a key makes, and by nothing else. Tenant 0 is the installation: what belongs to
-- no tenant, such as a setting of the whole installation or a tenant that was made, stands in its chain.

-- The text that was hashed is the text that is kept: jsonb would order keys and write numbers its own way.
ALTER TABLE tutti.audit ALTER actor TYPE json USING actor::json, ALTER data TYPE json USING data::json;

-- Adds a row to the end of a tenant's chain, and holds that end until the caller's transaction is over: the next appender waits for it
-- here. The lock and the look are two statements, because one alone would look as of before it waited; for the same reason it does not
-- work above READ COMMITTED. The first number spells 'tuta': see core/ports/db/locks.ts. Actor and data are canonical JSON, action and
-- target are JSON strings: what is hashed is RFC 8785 without this function knowing how that is written. See core/engine/audit/row.ts.
CREATE FUNCTION tutti.append_audit(tenant int, actor text, action text, target text, data text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  seq bigint;
  prev bytea;
  last timestamptz;
  at timestamptz;
  written text;
BEGIN
  PERFORM pg_advisory_xact_lock(1953854561, tenant);
  SELECT a.seq, a.hash, a.at INTO seq, prev, last FROM tutti.audit a WHERE a.tenant_id = tenant ORDER BY a.seq DESC LIMIT 1;
  seq := coalesce(seq, 0) + 1;
  prev := coalesce(prev, '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea);
  -- Time never runs backwards in a chain, whatever the clock does.
  at := greatest(clock_timestamp(), last);
  written := format('{"action":%s,"actor":%s,"at":"%s","data":%s,"seq":%s,"target":%s,"tenantId":%s}', action, actor,
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), data, seq, target, tenant);
  INSERT INTO tutti.audit (tenant_id, seq, prev, hash, at, actor, action, target, data)
    VALUES (tenant, seq, prev, sha256(prev || convert_to(written, 'UTF8')), at, actor::json, action::jsonb #>> '{}', target::jsonb #>> '{}', data::json);
  RETURN seq;
END $$;
REVOKE ALL ON FUNCTION tutti.append_audit(int, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tutti.append_audit(int, text, text, text, text) TO tutti_engine, tutti_tenant;

-- Ends of chains, signed by the installation every hour and with every export: a chain that is shorter than one of them was cut.
CREATE TABLE tutti.audit_head (
  tenant_id int,
  -- 0: nothing was there yet.
  seq bigint,
  hash bytea NOT NULL,
  -- As it was signed.
  at text NOT NULL,
  -- Ed25519 (RFC 8032): SubjectPublicKeyInfo in DER, and the signature over the canonical JSON of tenant, seq, hash and moment.
  public_key bytea,
  signature bytea NOT NULL,
  PRIMARY KEY (tenant_id, seq, public_key)
);
SELECT tutti.protect('tutti.audit_head');
GRANT SELECT, INSERT ON tutti.audit_head TO tutti_engine;
GRANT SELECT ON tutti.audit_head TO tutti_tenant;

-- No role has the right to change a row. This also stops the owner of the tables, who needs no right, until they take the trigger away.
CREATE FUNCTION tutti.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Rows of % are never changed, deleted or truncated.', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tutti.audit FOR EACH STATEMENT EXECUTE FUNCTION tutti.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tutti.audit_head FOR EACH STATEMENT EXECUTE FUNCTION tutti.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON tutti.audit, tutti.audit_head FROM PUBLIC, tutti_engine, tutti_tenant;
