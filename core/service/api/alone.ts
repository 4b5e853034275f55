import type pg from 'pg';
import { changeLocks } from '../../ports/db/locks.ts';
import { inTransaction } from '../../ports/db/transaction.ts';

/** Does work on what has a name while nobody else works on that, in any process. */
export type Alone = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Works alone by locks of the database. `pool` must be for that only: its connections wait while `work` asks for others.
 * @throws what `work` throws; DB_* when others take longer than a statement may
 */
export function aloneBy(pool: pg.Pool): Alone {
  return (name, work) =>
    inTransaction(pool, async (client) => {
      await client.query(`SELECT pg_advisory_xact_lock(${changeLocks}, hashtext($1))`, [name]);
      return work();
    });
}
