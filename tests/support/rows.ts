import type pg from 'pg';
import type { Database } from '../../core/ports/db/database.ts';

const pools = new WeakMap<Database, pg.Pool>();

/** Reads rows as the engine does, of all tenants, over a connection that is kept until `database` closes: tests ask again and again. */
export async function queryAll<T extends pg.QueryResultRow>(
  database: Database,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly T[]> {
  const pool = pools.get(database) ?? database.pool('tutti_engine', 1);
  pools.set(database, pool);
  return (await pool.query<T>(text, [...values])).rows;
}
