import type { Queryable } from '../../ports/db/transaction.ts';

/** Deletes sessions that have expired, of all tenants, with the browsers and addresses that they name. */
export async function sweepSessions(queryable: Queryable, now: Date): Promise<void> {
  await queryable.query('DELETE FROM tutti.session WHERE idle_until <= $1', [now]);
}
