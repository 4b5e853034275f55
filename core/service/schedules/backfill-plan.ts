import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { Reprocess } from '../../ports/db/states.ts';
import { dueAt, logicalMoment, occurrences } from '../../sdk/calendar/occurrences.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import type { SkipReason } from './decide.ts';
import type { ScheduleParts } from './parts.ts';
import { type NewSlot, slotKey } from './slot.ts';

/** Slots that somebody asks for again. */
export interface BackfillAsk {
  /** ms since 1970: slots from here on, */
  readonly from: number;
  /** and before this. */
  readonly to: number;
  readonly reprocess: Reprocess;
}

/** More would be asked for by mistake. */
const mostSlots = 1_000;

/** What a backfill would do with each slot of its span, in the order of time. @throws INPUT_INVALID for a span that cannot be */
export async function planBackfill(
  parts: ScheduleParts,
  registered: RegisteredSchedule,
  ask: BackfillAsk & { readonly tenantId: number; readonly id: string },
): Promise<readonly NewSlot[]> {
  const { schedule } = registered;
  const { calendars } = parts.registry;
  const found = await spanOf(parts, registered, ask);
  const slots = found.map((each) => ({
    ...each,
    ...logicalMoment(schedule, calendars, each),
    dueAt: dueAt(schedule, ask.tenantId, each.at),
  }));
  const had = await knownRuns(parts.pool, registered, {
    tenantId: ask.tenantId,
    at: slots.map(({ at }) => at),
  });
  const locked = await lockedDates(parts, registered, {
    ...ask,
    dates: slots.map((each) => each.businessDate),
  });
  return slots.map(({ at, excluded, businessDate, timeZone, dueAt: due }): NewSlot => {
    const known = had.get(at);
    const reason: SkipReason | null =
      excluded !== null
        ? `excluded_${excluded}`
        : (refusal(known, ask.reprocess) ?? (locked.has(businessDate) ? 'period_locked' : null));
    // A slot that never had a run gets the one that the clock would have given it; a further one is the backfill's own.
    const own = slotKey(schedule.name, at);
    const runKey = known === undefined ? own : `${own}/${ask.id}`;
    const state = reason === null ? 'queued' : 'skipped';
    return { at, dueAt: due, state, reason, runKey, businessDate, timeZone };
  });
}

async function spanOf(
  { registry, now }: ScheduleParts,
  { schedule }: RegisteredSchedule,
  { from, to }: BackfillAsk,
) {
  const wrong = (what: string) => new EngineError('INPUT_INVALID', `The backfill ${what}`);
  if (from >= to) throw wrong('ends before it begins; from must be earlier than to.');
  if (to > (await now())) throw wrong('reaches into the future; what is to come comes by itself.');
  const until = to - 1;
  const span = { after: from - 1, until, limit: mostSlots + 1 };
  const found = [...occurrences(schedule, registry.calendars, span)];
  if (found.length > mostSlots)
    throw wrong(
      `spans more than ${mostSlots} slots of '${schedule.name}'; ask for a shorter span.`,
    );
  return found;
}

/** How the last run of a slot ended, or that it goes on; undefined: it had none. */
type Known = 'running' | 'well' | 'badly' | undefined;

function refusal(known: Known, reprocess: Reprocess): SkipReason | null {
  if (known === 'running') return 'running';
  const isWanted =
    known === undefined ||
    reprocess === 'completed' ||
    (known === 'badly' && reprocess === 'failed');
  return isWanted ? null : 'has_run';
}

/** Of a slot that is not stored any more the run is known by its key: it is kept for longer. */
async function knownRuns(
  pool: pg.Pool,
  { schedule: { name, workflow } }: RegisteredSchedule,
  { tenantId, at }: { readonly tenantId: number; readonly at: readonly number[] },
): Promise<ReadonlyMap<number, Known>> {
  const { rows } = await pool.query<{ slot_at: Date; known: NonNullable<Known> }>(
    `SELECT DISTINCT ON (s.slot_at) s.slot_at,
       CASE WHEN s.state IN ('due', 'queued') OR s.state = 'fired' AND r.ended_at IS NULL THEN 'running'
         WHEN coalesce(s.outcome, r.status) IN ('succeeded', 'partial') THEN 'well' ELSE 'badly' END AS known
     FROM (SELECT slot_at, state, run_id, outcome, decided_at FROM tutti.schedule_slot
         WHERE tenant_id = $1 AND schedule = $2 AND origin <> 'trigger' AND state <> 'skipped' AND slot_at = ANY ($3)
       UNION ALL SELECT k.slot_at, 'fired', r.id, NULL, r.created_at FROM unnest($3::timestamptz[], $4::text[]) AS k(slot_at, key)
         JOIN tutti.run r ON r.tenant_id = $1 AND r.workflow = $5 AND r.key = k.key) s
     LEFT JOIN tutti.run r ON r.tenant_id = $1 AND r.id = s.run_id
     ORDER BY s.slot_at, s.state IN ('due', 'queued') OR s.state = 'fired' AND r.ended_at IS NULL DESC, s.decided_at DESC`,
    [tenantId, name, at.map((ms) => new Date(ms)), at.map((ms) => slotKey(name, ms)), workflow],
  );
  return new Map(rows.map(({ slot_at, known }) => [slot_at.getTime(), known]));
}

async function lockedDates(
  { locked }: ScheduleParts,
  { schedule: { company, catchUp } }: RegisteredSchedule,
  { tenantId, dates }: { readonly tenantId: number; readonly dates: readonly string[] },
): Promise<ReadonlySet<string>> {
  if (catchUp.lockedPeriod === 'run' || dates.length === 0) return new Set();
  return await locked({ tenantId, company, dates: [...new Set(dates)] });
}
