import type pg from 'pg';
import { EngineError } from '../../../base/errors.ts';
import { translateDbError } from '../../db/db-error.ts';
import { tenantSetting } from '../../db/transaction.ts';

/**
 * A transaction that stands still for so long is ended by the server, in milliseconds: shorter than an engine's lease (15 s), so
 * that whoever takes a run over from a process that was stopped in the middle of a command does not wait for its locks. A
 * command is a few round trips; one that is cut off has written nothing, and its key is free.
 */
const idleLimitMs = 10_000;

/** Which tenant's transaction, and what becomes of it. */
export interface TenantTransaction<T> {
  readonly tenantId: number;
  readonly mode: 'READ ONLY' | 'READ WRITE';
  /** Whether a result is worth committing; else everything is rolled back. @default always */
  readonly keepIf?: (result: T) => boolean;
}

/**
 * Runs `work` in one transaction that sees the rows of one tenant only. The tenant is set for the transaction, never for
 * the session: a session's setting would be there for whoever gets the connection next. What `work` throws rolls back.
 * @throws DB_UNAVAILABLE, DB_FULL
 */
export async function inTenantTransaction<T>(
  pool: pg.Pool,
  options: TenantTransaction<T>,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const setting = tenantSetting(options.tenantId);
  const client = await pool.connect().catch((error: unknown) => {
    throw translateDbError(error);
  });
  let isBroken = false;
  try {
    // One round trip: the transaction cannot begin without its tenant.
    await client.query(
      `BEGIN ${options.mode}; ${setting}; SET LOCAL idle_in_transaction_session_timeout = ${idleLimitMs}`,
    );
    const result = await work(client);
    const isKept = options.keepIf?.(result) ?? true;
    const { command } = await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
    if (!isKept || command === 'COMMIT') return result;
    throw new EngineError(
      'INTERNAL',
      'A write to the ERP was rolled back after a failed statement.',
    );
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      isBroken = true;
    });
    throw translateDbError(error);
  } finally {
    client.release(isBroken);
  }
}
