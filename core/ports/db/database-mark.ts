import { type ConnectionConfig, openClient } from './connection.ts';
import { translateDbError } from './db-error.ts';

/** Tells a database apart from every other one: equal only where two connections lead to the same. Asks as `tutti_tenant`. @throws DB_* */
export async function databaseMark(connection: ConnectionConfig): Promise<string> {
  const client = await openClient(connection, 'tutti_tenant');
  try {
    // A server keeps its identifier for life, and what it was copied from has the same: that one is read-only, or serves nobody.
    const { rows } = await client.query<{ readonly mark: string }>(
      `SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || oid::text AS mark
       FROM pg_database WHERE datname = current_database()`,
    );
    return rows[0]?.mark ?? '';
  } catch (error) {
    throw translateDbError(error);
  } finally {
    await client.end().catch(() => {});
  }
}
