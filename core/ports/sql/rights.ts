import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';

/** Roles whose members reach beyond the database: files and programs of its host, connections of others. */
const farReaching = [
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_signal_backend',
  'pg_write_all_data',
  'pg_maintain',
];

/*
 * `set_config('role', …)` changes the role in the middle of a SELECT, so all that the login may become counts, not only what it is.
 */
const rightsSql = `
SELECT session_user AS role,
  EXISTS (SELECT FROM pg_roles r WHERE pg_has_role(session_user, r.oid, 'MEMBER')
    AND (r.rolsuper OR r.rolname = ANY ($1::text[]))) AS reaches_far,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r
    WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND pg_has_role(session_user, r.oid, 'MEMBER')
      AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS writes`;

/**
 * Refuses a login that may do more than read: a read-only transaction changes no rows, but a superuser's query reads files, runs programs and
 * ends other connections, and a function may write by another connection. @throws QUERY_REFUSED saying what to do
 */
export async function checkRights(client: pg.ClientBase, database: string): Promise<void> {
  const { rows } = await client.query<{
    readonly role: string;
    readonly reaches_far: boolean;
    readonly writes: boolean;
  }>(rightsSql, [farReaching]);
  const [
    { role, reaches_far: reachesFar, writes } = { role: '', reaches_far: true, writes: true },
  ] = rows;
  if (!reachesFar && !writes) return;
  const may = reachesFar ? 'is a superuser, or may act as one' : 'may write to tables';
  throw new EngineError(
    'QUERY_REFUSED',
    `Database '${database}': its login '${role}' ${may}. Give the tools a login of their own that may only read: CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA … TO reader; GRANT SELECT ON … TO reader;`,
  );
}
