import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';

/** What statements go to: a connection with its transaction, or a pool. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/**
 * Runs `work` in one transaction on a connection of a pool. What it throws rolls back; a connection that cannot is not lent out again.
 * @throws INTERNAL when `work` has swallowed the failure of a statement: nothing of it is kept
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    const { command } = await client.query('COMMIT');
    // COMMIT of a transaction with a failed statement answers ROLLBACK, and no error.
    if (command !== 'COMMIT')
      throw new EngineError(
        'INTERNAL',
        'A transaction was rolled back: one of its statements had failed.',
      );
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release(isBroken);
  }
}

/** The statement that sets the tenant until the transaction ends. @throws INPUT_INVALID */
export function tenantSetting(tenantId: number): string {
  if (Number.isInteger(tenantId) && tenantId >= 0) return `SET LOCAL app.tenant = '${tenantId}'`;
  throw new EngineError('INPUT_INVALID', `The tenant ${tenantId} is not a whole number.`);
}
