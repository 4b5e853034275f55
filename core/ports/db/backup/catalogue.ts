import pg from 'pg';
import { EngineError } from '../../../base/errors.ts';
import type { StoredEntity } from '../../erp/embedded/prepare.ts';
import { type Header, nameOf, type SavedTable } from './header.ts';

/*
 * What a database of Tutti holds, from PostgreSQL's catalogue and not from a list, so that no table can be forgotten.
 *
 * Left out: `tutti.meta`, which the header stands for, and columns of type xid8, for transaction numbers mean nothing in
 * another server; their default gives them the number of the transaction that restores them.
 */

/** A table and how all of its rows can be read. */
export interface FoundTable extends SavedTable {
  /** As whom: row-level security is FORCEd, so the owner itself may see nothing. */
  readonly readAs: 'login' | 'tutti_engine';
  /** Whether the owner is bound by row-level security. */
  readonly isForced: boolean;
}

interface Row extends SavedTable {
  readonly isForced: boolean;
  readonly loginSeesAll: boolean;
  readonly engineSeesAll: boolean;
  readonly refersTo: readonly string[];
}

/** The schemas that belong to Tutti. */
const schemas = ['tutti', 'erp'];

/** A table's quoted name. */
export function quotedName({ schema, name }: Pick<SavedTable, 'schema' | 'name'>): string {
  return `${schema}.${pg.escapeIdentifier(name)}`;
}

/** Makes a transaction act as the one who reads all of a table's rows. */
export function roleSql({ readAs }: FoundTable): string {
  return `SET LOCAL ROLE ${readAs === 'login' ? 'NONE' : readAs}`;
}

/** A table's columns in a backup, quoted. */
export function columnList({ columns }: SavedTable): string {
  return columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ');
}

/**
 * The tables of both schemas, those referred to before those that refer; partitions are reached through their table.
 * @throws CONFIG_INVALID for a table of which nobody could read every row
 */
export async function readTables(client: pg.ClientBase): Promise<readonly FoundTable[]> {
  const { rows } = await client.query<Row>(tablesSql, [schemas]);
  return inOrder(rows).map(({ loginSeesAll, engineSeesAll, refersTo: _, ...table }) => {
    if (loginSeesAll) return { ...table, readAs: 'login' };
    if (engineSeesAll) return { ...table, readAs: 'tutti_engine' };
    const name = quotedName(table);
    const message = `Neither the login user nor tutti_engine can read every row of ${nameOf(table)}; as its owner run: GRANT SELECT ON ${name} TO tutti_engine; CREATE POLICY engine ON ${name} TO tutti_engine USING (true) WITH CHECK (true).`;
    throw new EngineError('CONFIG_INVALID', message);
  });
}

const tablesSql = `SELECT n.nspname AS schema, c.relname AS name, c.relforcerowsecurity AS "isForced",
    has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) AS "loginSeesAll",
    has_table_privilege('tutti_engine', c.oid, 'SELECT') AND (NOT c.relrowsecurity OR (
      EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', 'r')
        AND 'tutti_engine'::regrole = ANY (p.polroles) AND pg_get_expr(p.polqual, p.polrelid) = 'true')
      AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive))) AS "engineSeesAll",
    ARRAY(SELECT f.relnamespace::regnamespace || '.' || f.relname FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
      WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS "refersTo",
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]')
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND a.atttypid <> 'xid8'::regtype) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid <> 'tutti.meta'::regclass
  ORDER BY n.nspname DESC, c.relname`;

/** Each table after those that it refers to. @throws INTERNAL for a circle of references */
function inOrder(tables: readonly Row[]): readonly Row[] {
  const placed = new Map<string, Row>();
  while (placed.size < tables.length) {
    const next = tables.filter(
      (table) => !placed.has(nameOf(table)) && table.refersTo.every((name) => placed.has(name)),
    );
    for (const table of next) placed.set(nameOf(table), table);
    if (next.length > 0) continue;
    const left = tables.map(nameOf).filter((name) => !placed.has(name));
    throw new EngineError('INTERNAL', `The tables ${left.join(', ')} refer to each other.`);
  }
  return [...placed.values()];
}

/** What a header says beside its tables. */
export async function readFacts(
  client: pg.ClientBase,
): Promise<Omit<Header, 'release' | 'tables'>> {
  const { rows } = await client.query<{ server: string; createdAt: Date; schemaVersion: number }>(
    `SELECT current_setting('server_version') AS server, now() AS "createdAt", schema_version AS "schemaVersion" FROM tutti.meta`,
  );
  const [row] = rows;
  if (!row) throw new EngineError('INTERNAL', 'tutti.meta is empty.');
  const { rows: months } = await client.query<{ month: string }>(
    `SELECT DISTINCT substring(relname FROM 'y\\d{4}m\\d\\d$') AS month FROM pg_class
      WHERE relnamespace = 'tutti'::regnamespace AND relispartition AND relkind = 'r' AND relname ~ '_y\\d{4}m\\d\\d$' ORDER BY 1`,
  );
  // Not part of a snapshot: never less than what its rows have taken.
  const { rows: sequences } = await client.query<Header['sequences'][number]>(
    `SELECT schemaname AS schema, sequencename AS name, last_value::text AS value FROM pg_sequences
      WHERE schemaname = ANY ($1) AND last_value IS NOT NULL ORDER BY 1, 2`,
    [schemas],
  );
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    months: months.map(({ month }) => month),
    sequences,
    entities: await readEntities(client),
  };
}

/** The entities of the embedded ERP with the columns that they are looked up by; null before it was prepared. */
async function readEntities(client: pg.ClientBase): Promise<readonly StoredEntity[] | null> {
  const { rows: found } = await client.query(`SELECT to_regclass('erp.entity') AS registry`);
  if (found[0]?.registry === null) return null;
  const { rows } = await client.query<StoredEntity>(
    `SELECT e.name, e.shape, ARRAY(SELECT DISTINCT field.attname::text FROM pg_index i
        JOIN pg_attribute tenant ON tenant.attrelid = i.indrelid AND tenant.attnum = i.indkey[0] AND tenant.attname = 'tenant_id'
        JOIN pg_attribute field ON field.attrelid = i.indrelid AND field.attnum = i.indkey[1]
        WHERE i.indrelid = to_regclass('erp.' || quote_ident(e.name)) AND NOT i.indisprimary AND i.indnatts = 2
          AND i.indexprs IS NULL AND i.indpred IS NULL ORDER BY 1) AS indexed
      FROM erp.entity e ORDER BY e.name`,
  );
  return rows;
}
