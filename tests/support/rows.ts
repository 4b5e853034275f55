import type pg from 'pg';
import type { Database } from '../../core/ports/db/database.ts';

/** Reads rows as the engine does, of all tenants. */
export async function queryAll<T extends pg.QueryResultRow>(
  database: Database,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly T[]> {
  return await database.admin(async (client) => {
    await client.query('SET LOCAL ROLE tutti_engine');
    return (await client.query<T>(text, [...values])).rows;
  });
}
