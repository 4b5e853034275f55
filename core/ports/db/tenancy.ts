import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';

/**
 * Refuses a database in which a tenant could see another's rows: a role that passes row-level security by itself, by what it owns or by whom
 * it may act as, or a table where it is off, is not forced, or lets more in than its policy. One statement over the catalogue at each
 * opening, for whoever administers the server can change any of it while Tutti is away. `client` is the login user's.
 * @throws CONFIG_INVALID with what to do
 */
export async function checkTenancy(client: Pick<pg.Client, 'query'>): Promise<void> {
  const { rows } = await client.query<{ readonly what: string; readonly names: string }>(holes);
  const [hole] = rows;
  if (!hole) return;
  const { what, names } = hole;
  const say = Object.hasOwn(advice, what) ? advice[what as keyof typeof advice] : null;
  throw new EngineError(
    'CONFIG_INVALID',
    `Tenants would not be kept apart in this database: ${say?.(names) ?? `${what}: ${names}`}. Nothing was opened.`,
  );
}

const advice = {
  role: (names: string) =>
    `the role ${names} may see every tenant's rows; run: ALTER ROLE ${names} NOSUPERUSER NOBYPASSRLS`,
  member: (names: string) =>
    `the role tutti_tenant may act as ${names}; run: REVOKE ${names} FROM tutti_tenant`,
  owner: (names: string) =>
    `${names} belongs to a role that works with rows; give it to the login user: ALTER TABLE … OWNER TO`,
  off: (names: string) =>
    `row-level security is off or not forced on ${names}; run: ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
  policy: (names: string) =>
    `policies of ${names} are not those of Tutti; take away what was added, or restore a backup`,
} as const;

// Tenants have tables in both schemas; a partition is reached through its table, nobody has rights on it.
const holes = `
  WITH guarded AS (
    SELECT c.oid, format('%I.%I', c.relnamespace::regnamespace, c.relname) AS name, c.relowner, c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
      CASE c.oid WHEN 'tutti.tenant'::regclass THEN 'id' ELSE 'tenant_id' END AS own
    FROM pg_class c
    WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('tutti', 'erp')) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (c.oid = 'tutti.tenant'::regclass
        OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))),
  ours AS (SELECT oid, rolname, rolsuper OR rolbypassrls AS is_free FROM pg_roles WHERE rolname IN ('tutti_engine', 'tutti_tenant')),
  -- Row-level security of a table with a policy that anybody but Tutti wrote is open as wide as that policy.
  strange AS (
    SELECT g.name FROM guarded g LEFT JOIN pg_policy p ON p.polrelid = g.oid AND p.polpermissive
      AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = ANY (p.polroles) AND pg_has_role('tutti_tenant', r.oid, 'MEMBER')))
    GROUP BY g.oid, g.name, g.own
    HAVING count(*) FILTER (WHERE p.polname = 'tenant'
        AND pg_get_expr(p.polqual, p.polrelid) = format('(%s = (NULLIF(current_setting(''app.tenant''::text, true), ''''::text))::integer)', g.own)
        AND pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid)) <> 1
      OR bool_or(p.polname <> 'tenant' AND (g.oid, p.polname) <> ('tutti.definition'::regclass, 'shipped')))
  SELECT * FROM (
    SELECT 'role' AS what, string_agg(rolname, ', ') AS names FROM ours WHERE is_free
    UNION ALL SELECT 'member', string_agg(quote_ident(r.rolname), ', ') FROM pg_roles r
      WHERE r.rolname <> 'tutti_tenant' AND pg_has_role('tutti_tenant', r.oid, 'MEMBER')
        AND (r.rolname = 'tutti_engine' OR r.rolsuper OR r.rolbypassrls OR r.oid IN (SELECT relowner FROM guarded))
    UNION ALL SELECT 'owner', string_agg(name, ', ') FROM guarded WHERE relowner IN (SELECT oid FROM ours)
    UNION ALL SELECT 'off', string_agg(name, ', ') FROM guarded WHERE NOT is_forced
    UNION ALL SELECT 'policy', string_agg(name, ', ') FROM strange
  ) found WHERE names IS NOT NULL`;
