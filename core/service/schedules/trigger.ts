import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import type { Actor } from '../../engine/run/request.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { logicalMoment, zoneOf } from '../../sdk/calendar/occurrences.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import type { Overlap } from '../../sdk/schedule.ts';
import { suspendedTenant } from '../identity/tenants.ts';
import type { ScheduleParts } from './parts.ts';
import { auditFailurePause, settleRuns } from './pause.ts';
import { type SlotRow, slotColumns } from './slot.ts';
import { countOpen, insertSlots, lockSchedule, type ScheduleOf, skipQueued } from './slot-store.ts';

/** A trigger by hand. */
export interface TriggerAsk {
  readonly actor: Actor;
  /** Of whoever asks: the same key again is the same slot. */
  readonly key: string;
  /** @default the schedule's */
  readonly overlap?: Exclude<Overlap, 'cancel_running'> | undefined;
  /** @default by the day on which it is triggered */
  readonly businessDate?: string | undefined;
}

/**
 * Stores the slot of a trigger, by the schedule's overlap, and who asked for it; one with the same key stays as it is.
 * @throws KEY_REUSED when that is for another day, or by another overlap
 */
export async function storeTrigger(
  parts: ScheduleParts,
  registered: RegisteredSchedule,
  { tenantId, ...ask }: TriggerAsk & { readonly tenantId: number },
): Promise<SlotRow> {
  const { schedule } = registered;
  const { name } = schedule;
  const { calendars } = parts.registry;
  const of = { tenantId, name, runKey: `${name}/trigger/${ask.key}` };
  const at = await parts.now();
  const timeZone = zoneOf(schedule, calendars);
  const { businessDate = logicalMoment(schedule, calendars, { at, timeZone }).businessDate } = ask;
  await inTransaction(parts.pool, async (client) => {
    const row = await lockSchedule(client, of);
    const known = await triggeredSlot(client, of);
    if (known) return refuseOther(known, ask);
    if (row?.is_suspended) throw suspendedTenant();
    const failed = await settleRuns(client, registered, { tenantId, now: at });
    const { actor, overlap = schedule.overlap } = ask;
    const decision = await decideTrigger(client, of, overlap);
    const slot = { at, dueAt: at, runKey: of.runKey, businessDate, timeZone, ...decision };
    const owner = { tenantId, schedule: name, origin: 'trigger', actor, overlap } as const;
    await insertSlots(client, owner, [slot]);
    if (failed !== null) await auditFailurePause(client, of, { run: failed });
    const change = { tenantId, actor, action: 'schedule.trigger', target: name };
    await appendAudit(client, { ...change, data: { state: decision.state, businessDate } });
  });
  return (await triggeredSlot(parts.pool, of)) as SlotRow;
}

function refuseOther(known: SlotRow, { key, businessDate, overlap }: TriggerAsk): void {
  const day = known.business_date;
  if (businessDate !== undefined && businessDate !== day)
    throw reused(key, `for ${day}, not for ${businessDate}`);
  if (overlap !== undefined && known.overlap !== null && overlap !== known.overlap)
    throw reused(key, `by the overlap '${known.overlap}', not '${overlap}'`);
}

function reused(key: string, what: string): EngineError {
  return new EngineError(
    'KEY_REUSED',
    `The key '${key}' belongs to a trigger ${what}; use a new key.`,
  );
}

/** What is stored of a trigger. */
export async function triggeredSlot(
  client: Queryable,
  { tenantId, name, runKey }: ScheduleOf & { readonly runKey: string },
): Promise<SlotRow | undefined> {
  const { rows } = await client.query<SlotRow>(
    `SELECT ${slotColumns} FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = $2 AND origin = 'trigger' AND run_key = $3`,
    [tenantId, name, runKey],
  );
  return rows[0];
}

async function decideTrigger(
  client: pg.PoolClient,
  of: ScheduleOf,
  overlap: Overlap,
): Promise<Pick<SlotRow, 'state' | 'reason'>> {
  const { open, queued } = await countOpen(client, of);
  if (open + queued === 0 || overlap === 'allow') return { state: 'due', reason: null };
  if (overlap === 'skip') return { state: 'skipped', reason: 'overlap' };
  if (overlap === 'cancel_running') await skipQueued(client, of, 'superseded');
  return { state: 'queued', reason: null };
}
