-- Policies in numbered versions: from when one is in force, and the word of a second person.

-- From when a word counts; null: from when it was said. A later word takes back an earlier one whose moment has not come.
ALTER TABLE tutti.publication ADD COLUMN effective timestamptz;
-- Who asked for it, where it needed a second person, who is `actor` then.
ALTER TABLE tutti.publication ADD COLUMN asked_by jsonb;

-- Words that need a second person. One stands until anything else is said about its name, and a week at most. Rows are never changed.
CREATE TABLE tutti.publication_ask (
  tenant_id int,
  kind text,
  name text,
  no int,
  -- One of the words of publication.how, which it becomes.
  how text NOT NULL,
  -- Null: released.
  version int,
  effective timestamptz,
  -- The number of the newest publication when it was asked for; 0: there was none.
  after_no int NOT NULL,
  actor jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, kind, name, no)
);
SELECT tutti.protect('tutti.publication_ask');
GRANT SELECT, INSERT ON tutti.publication_ask TO tutti_engine;
GRANT SELECT ON tutti.publication_ask TO tutti_tenant;

-- The versions that somebody's word has put in force, by name: the newest word whose moment has come.
CREATE FUNCTION tutti.in_force(tenant int, of_kind text) RETURNS TABLE (name text, version int)
LANGUAGE sql STABLE AS $$
  SELECT f.name, f.version FROM (
    SELECT DISTINCT ON (p.name) p.name, p.version FROM tutti.publication p
    WHERE p.tenant_id = tenant AND p.kind = of_kind AND (p.effective IS NULL OR p.effective <= now())
    ORDER BY p.name, p.no DESC) f
  WHERE f.version IS NOT NULL
$$;
REVOKE ALL ON FUNCTION tutti.in_force(int, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tutti.in_force(int, text) TO tutti_engine, tutti_tenant;

-- The same as a run keeps it with what it began with; {} where nobody has put a policy in force.
CREATE FUNCTION tutti.pinned_policies(tenant int) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN count(*) = 0 THEN '{}' ELSE jsonb_build_object('inForce', jsonb_object_agg(name, version)) END FROM tutti.in_force(tenant, 'policy')
$$;
REVOKE ALL ON FUNCTION tutti.pinned_policies(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tutti.pinned_policies(int) TO tutti_engine, tutti_tenant;
