import type { Queryable } from '../../ports/db/transaction.ts';
import { nextComing } from '../../sdk/calendar/occurrences.ts';
import type { Registry } from '../../sdk/registry.ts';

/** By which it is known when nights are to begin. */
export type NightPlan = Pick<Registry, 'schedules' | 'calendars'>;

/** A tenant's night, and when it was to begin. */
interface AskedNight {
  readonly tenantId: number;
  readonly workflow: string;
  readonly from: Date;
  /** Not included. */
  readonly until: Date;
}

/**
 * Whether a night is missing of which nothing has begun. Who never ran the workflow, and for whom no schedule of it stands, misses none; nor does
 * anybody where all of its schedules leave the time out.
 */
export async function missesNight(
  client: Queryable,
  { schedules, calendars }: NightPlan,
  { tenantId, workflow, from, until }: AskedNight,
): Promise<boolean> {
  const own = [...schedules.values()]
    .map(({ schedule }) => schedule)
    .filter((schedule) => schedule.workflow === workflow);
  const isPlanned = own.some((schedule) => {
    const next = nextComing(schedule, calendars, from.getTime() - 1);
    return next !== null && next.at < until.getTime();
  });
  if (own.length > 0 && !isPlanned) return false;
  const { rowCount } = await client.query(
    `SELECT WHERE EXISTS (SELECT FROM tutti.run WHERE tenant_id = $1 AND workflow = $2)
       OR EXISTS (SELECT FROM tutti.schedule WHERE tenant_id = $1 AND name = ANY ($3) AND paused_at IS NULL)`,
    [tenantId, workflow, own.map(({ name }) => name)],
  );
  return rowCount === 1;
}
