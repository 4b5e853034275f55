import type { Database } from '../../ports/db/database.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { noDay } from '../limits/purse.ts';
import { daysBefore } from './policy.ts';

/** How long an engine that is gone is remembered: whatever it left, others have taken over within seconds. */
const goneDays = 7;

/**
 * Deletes what nobody asks for any more and no run takes with it: engines that have long been gone, each start of a process leaves one and all
 * are looked through every second, the purses of days before `limit`, and what was asked of runs that had ended before they heard of it.
 */
export async function sweepLeftovers(
  queryable: Queryable,
  { now, limit }: { readonly now: Date; readonly limit: Date },
): Promise<void> {
  await queryable.query(
    `DELETE FROM tutti.engine e WHERE e.state = 'gone' AND e.lease_until < $1
       AND NOT EXISTS (SELECT FROM tutti.run r WHERE r.owner = e.id)`,
    [daysBefore(now, goneDays)],
  );
  await queryable.query(
    `DELETE FROM tutti.budget WHERE period < ($1::timestamptz AT TIME ZONE 'UTC')::date AND period <> $2::date`,
    [limit, noDay],
  );
  await queryable.query(
    `DELETE FROM tutti.inbox i USING tutti.run r WHERE r.tenant_id = i.tenant_id AND r.id = i.run_id AND r.ended_at < $1`,
    [daysBefore(now, 1)],
  );
}

/** Condition on a row `e` of `erasure`: it is older than $1, and so is whatever it could be asked about. */
const isOver = `(e.at < $1 AND NOT EXISTS (SELECT FROM tutti.run r WHERE r.tenant_id = e.tenant_id AND r.id = e.run_id))`;

/**
 * Forgets what was erased from runs before `limit` once the runs themselves have gone: a backup from before that has nothing that would be kept
 * today. Who asks for an erasure stays in the audit log. An engine may add to these rows only; their owner lends it the right to delete, in
 * this transaction alone. Returns the number of rows.
 */
export async function forgetErasures(
  client: Queryable,
  database: Pick<Database, 'admin'>,
  limit: Date,
): Promise<number> {
  const { rowCount: due } = await client.query(
    `SELECT FROM tutti.erasure e WHERE ${isOver} LIMIT 1`,
    [limit],
  );
  if (due === 0) return 0;
  return database.admin(async (owner) => {
    await owner.query('GRANT DELETE ON tutti.erasure TO tutti_engine; SET LOCAL ROLE tutti_engine');
    const { rowCount } = await owner.query(`DELETE FROM tutti.erasure e WHERE ${isOver}`, [limit]);
    await owner.query('SET LOCAL ROLE NONE; REVOKE DELETE ON tutti.erasure FROM tutti_engine');
    return rowCount ?? 0;
  });
}
