import type { Queryable } from '../../ports/db/transaction.ts';
import { noDay } from '../limits/purse.ts';
import { daysBefore } from './policy.ts';

/** How long an engine that is gone is remembered: whatever it left, others have taken over within seconds. */
const goneDays = 7;

/**
 * Deletes what nobody asks for any more and no run takes with it: engines that have long been gone, each start of a process leaves one and all
 * are looked through every second, and the purses of days before `limit`.
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
}
