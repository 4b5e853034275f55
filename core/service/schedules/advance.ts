import type pg from 'pg';
import { digest } from '../../base/ids.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { Calendar } from '../../sdk/calendar/calendar.ts';
import {
  dueAt,
  logicalMoment,
  nextOccurrence,
  type Occurrence,
  occurrences,
} from '../../sdk/calendar/occurrences.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import { type DueSlot, decide, isLate, type Standing } from './decide.ts';
import type { ScheduleParts } from './parts.ts';
import { auditFailurePause, settleRuns } from './pause.ts';
import { type SlotRow, slotKey } from './slot.ts';
import {
  countOpen,
  insertSlots,
  lockSchedule,
  moveSlot,
  type ScheduleOf,
  type ScheduleRow,
  skipQueued,
} from './slot-store.ts';

// Of what came due before the catch-up window, this many rows say that it was missed; a seconds' schedule that slept for a month has millions.
const mostMissed = 1_000;
const mostDue = 50_000;

/** A slot with what it means. */
interface Meant extends DueSlot {
  readonly businessDate: string;
  readonly timeZone: string;
}

/** Where a schedule stands after a look. */
export interface Advanced {
  /** Every slot up to here is decided; ms since 1970. */
  readonly through: number;
  /** Another engine was started with another declaration of it: that one counts. */
  readonly isStale: boolean;
  /** Runs that are to be cancelled for a slot that waits. */
  readonly toCancel: readonly string[];
}

/**
 * Decides about everything that has come due of a schedule, once: in one transaction that holds its row, the ends of its runs are
 * recorded, its slots are stored with what becomes of them, and the next that waited is let go. Starts nothing.
 */
export async function advance(
  parts: ScheduleParts,
  registered: RegisteredSchedule,
  { tenantId, now }: { readonly tenantId: number; readonly now: number },
): Promise<Advanced> {
  const { schedule } = registered;
  const of = { tenantId, name: schedule.name };
  const lockedDates = await lockedSince(parts, registered, { ...of, now });
  const { calendars } = parts.registry;
  return await inTransaction(parts.pool, async (client) => {
    const row = await lockSchedule(client, of);
    if (!row?.declared.equals(declarationDigest(registered)))
      return { through: now, isStale: true, toCancel: [] };
    const failed = await settleRuns(client, registered, { tenantId, now });
    // Of one that has just paused itself, everything that comes due here came due after the failure.
    const pausedAt = failed === null ? (row.paused_at?.getTime() ?? null) : 0;
    const standing = { now, pausedAt };
    const slots = dueSlots(parts, registered, { ...of, now, row, lockedDates });
    await store(client, registered, { of, slots, standing: { ...standing, row } });
    const waiting = { ...of, isPaused: pausedAt !== null };
    if (!row.is_suspended) await letGo(client, registered, { waiting, now, calendars });
    const toCancel = schedule.overlap === 'cancel_running' ? await inTheWay(client, waiting) : [];
    if (failed !== null) await auditFailurePause(client, of, { run: failed });
    return { through: slots.at(-1)?.at ?? row.through_at.getTime(), isStale: false, toCancel };
  });
}

/** When a schedule is next to be looked at, after a slot; null: never again. */
export function nextDue(
  { registry }: Pick<ScheduleParts, 'registry'>,
  { schedule }: RegisteredSchedule,
  { tenantId, after }: { readonly tenantId: number; readonly after: number },
): number | null {
  const next = nextOccurrence(schedule, registry.calendars, after);
  return next && dueAt(schedule, tenantId, next.at);
}

/** What whoever starts an engine with another declaration differs in. */
export function declarationDigest({ schedule }: RegisteredSchedule): Buffer {
  return digest(schedule);
}

/** The same of its times alone. */
export function timingDigest({ schedule }: RegisteredSchedule): Buffer {
  const { when, calendar, company, exclude, startAt, endAt } = schedule;
  return digest(when, calendar, company, exclude, startAt, endAt);
}

/** Asked before the lock is taken: nobody waits for an ERP with a lock in their hand. */
async function lockedSince(
  { pool, registry, locked }: ScheduleParts,
  { schedule }: RegisteredSchedule,
  { tenantId, name, now }: ScheduleOf & { readonly now: number },
): Promise<ReadonlySet<string>> {
  const { lockedPeriod, which, windowMs } = schedule.catchUp;
  if (lockedPeriod === 'run' || which === 'none') return new Set();
  const { rows } = await pool.query<{ through_at: Date }>(
    'SELECT through_at FROM tutti.schedule WHERE tenant_id = $1 AND name = $2',
    [tenantId, name],
  );
  const known = rows[0]?.through_at.getTime() ?? now;
  const after = Math.max(known, now - windowMs - schedule.jitterMs);
  const late = [...occurrences(schedule, registry.calendars, { after, until: now, limit: mostDue })]
    .filter(
      ({ at, excluded }) =>
        excluded === null && isLate({ dueAt: dueAt(schedule, tenantId, at) }, now),
    )
    .map((each) => logicalMoment(schedule, registry.calendars, each).businessDate);
  const dates = [...new Set(late)];
  return dates.length === 0
    ? new Set()
    : await locked({ tenantId, company: schedule.company, dates });
}

function dueSlots(
  { registry: { calendars } }: Pick<ScheduleParts, 'registry'>,
  { schedule }: RegisteredSchedule,
  look: ScheduleOf & {
    readonly now: number;
    readonly row: ScheduleRow;
    readonly lockedDates: ReadonlySet<string>;
  },
): readonly Meant[] {
  const { tenantId, now, row, lockedDates } = look;
  const through = row.through_at.getTime();
  const windowFrom = Math.max(through, now - schedule.catchUp.windowMs - schedule.jitterMs);
  const missed = occurrences(schedule, calendars, {
    ...{ after: through, until: Math.min(windowFrom, now), limit: mostMissed },
  });
  const recent = occurrences(schedule, calendars, {
    ...{ after: windowFrom, until: now, limit: mostDue },
  });
  const meant = (each: Occurrence): Meant => {
    const { businessDate, deadlineAt } = logicalMoment(schedule, calendars, each);
    const isLocked = lockedDates.has(businessDate);
    return {
      ...each,
      businessDate,
      deadlineAt,
      isLocked,
      dueAt: dueAt(schedule, tenantId, each.at),
    };
  };
  const slots: Meant[] = [];
  for (const each of [...missed, ...recent]) {
    const slot = meant(each);
    // In order: one that its jitter holds back holds back those behind it.
    if (slot.dueAt > now) break;
    slots.push(slot);
  }
  return slots;
}

async function store(
  client: pg.PoolClient,
  { schedule }: RegisteredSchedule,
  {
    of,
    slots,
    standing,
  }: {
    readonly of: ScheduleOf;
    readonly slots: readonly Meant[];
    readonly standing: Pick<Standing, 'now' | 'pausedAt'> & { readonly row: ScheduleRow };
  },
): Promise<void> {
  const last = slots.at(-1);
  if (last === undefined) return;
  const { now, pausedAt, row } = standing;
  const decisions = decide(slots, {
    ...{ now, pausedAt, isSuspended: row.is_suspended },
    ...{ overlap: schedule.overlap, catchUp: schedule.catchUp },
    ...(await countOpen(client, of)),
  });
  const hasNewer = decisions.some(({ state }) => state === 'queued');
  if (hasNewer && schedule.overlap === 'cancel_running') await skipQueued(client, of, 'superseded');
  const { tenantId, name } = of;
  await insertSlots(
    client,
    { tenantId, schedule: name, origin: 'schedule' },
    decisions.map(({ slot, state, reason }) => {
      const { at, businessDate, timeZone } = slot as Meant;
      const runKey = slotKey(name, at);
      return { at, dueAt: slot.dueAt, state, reason, runKey, businessDate, timeZone };
    }),
  );
  await client.query(
    'UPDATE tutti.schedule SET through_at = $3 WHERE tenant_id = $1 AND name = $2',
    [tenantId, name, new Date(last.at)],
  );
}

/** The slots of a schedule that wait and may be let go: of one that is paused, those that people ask for. */
interface Waiting extends ScheduleOf {
  readonly isPaused: boolean;
}

const isWaiting = `state = 'queued' AND origin <> 'backfill' AND (origin = 'trigger' OR NOT $3)`;

/** Lets the first go of those that wait, when nothing is before it any more. */
async function letGo(
  client: pg.PoolClient,
  { schedule }: RegisteredSchedule,
  {
    waiting,
    now,
    calendars,
  }: { readonly waiting: Waiting; readonly now: number; readonly calendars: readonly Calendar[] },
): Promise<void> {
  const { tenantId, name, isPaused } = waiting;
  const { open, queued } = await countOpen(client, waiting);
  if (open > 0 || queued === 0) return;
  const { rows } = await client.query<Pick<SlotRow, 'id' | 'origin' | 'slot_at' | 'time_zone'>>(
    `SELECT id, origin, slot_at, time_zone FROM tutti.schedule_slot
     WHERE tenant_id = $1 AND schedule = $2 AND ${isWaiting} ORDER BY slot_at, id`,
    [tenantId, name, isPaused],
  );
  for (const { id, origin, slot_at, time_zone: timeZone } of rows) {
    const at = slot_at.getTime();
    const { deadlineAt } = logicalMoment(schedule, calendars, { at, timeZone });
    const isOver = origin === 'schedule' && deadlineAt !== null && now >= deadlineAt;
    const to = isOver
      ? ({ state: 'skipped', reason: 'window_over' } as const)
      : ({ state: 'due', reason: null } as const);
    await moveSlot(client, { tenantId, id }, to);
    if (!isOver) return;
  }
}

/** Runs that go on while a slot waits for them to be cancelled. A trigger may ask to wait for their end instead. */
async function inTheWay(
  client: pg.PoolClient,
  { tenantId, name, isPaused }: Waiting,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ run_id: string }>(
    `SELECT run_id FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = $2 AND state = 'fired' AND origin <> 'backfill'
       AND EXISTS (SELECT FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = $2 AND ${isWaiting} AND coalesce(overlap, 'cancel_running') = 'cancel_running')`,
    [tenantId, name, isPaused],
  );
  return rows.map(({ run_id }) => run_id);
}
