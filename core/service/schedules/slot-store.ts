import { newId } from '../../base/ids.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { RunStatus } from '../../ports/db/states.ts';
import { isSuspended } from '../../ports/db/suspended.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import type { NewSlot, SlotOwner } from './slot.ts';

/** A schedule of a tenant. */
export interface ScheduleOf {
  readonly tenantId: number;
  readonly name: string;
}

/** What is stored of a schedule. */
export interface ScheduleRow {
  readonly declared: Buffer;
  readonly through_at: Date;
  readonly paused_at: Date | null;
  readonly is_suspended: boolean;
}

/** Locks a schedule's row for the rest of the transaction: whatever is decided about its slots is decided once. Null: it is not known yet. */
export async function lockSchedule(
  client: Queryable,
  { tenantId, name }: ScheduleOf,
): Promise<ScheduleRow | null> {
  const { rows } = await client.query<ScheduleRow>(
    `SELECT declared, through_at, paused_at,
       ${isSuspended('$1')} AS is_suspended
     FROM tutti.schedule WHERE tenant_id = $1 AND name = $2 FOR UPDATE`,
    [tenantId, name],
  );
  return rows[0] ?? null;
}

/** Stores slots; what is stored of the same moment by the clock stays. */
export async function insertSlots(
  client: Queryable,
  owner: SlotOwner,
  slots: readonly NewSlot[],
): Promise<void> {
  if (slots.length === 0) return;
  const column = <T>(read: (slot: NewSlot) => T): readonly T[] => slots.map(read);
  await client.query(
    `INSERT INTO tutti.schedule_slot (tenant_id, schedule, origin, backfill_id, actor, overlap, id, slot_at, due_at, state, reason, run_key, business_date, time_zone)
     SELECT $1, $2, $3, $4, $5, $6, s.* FROM unnest($7::uuid[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::date[], $14::text[]) s
     ON CONFLICT DO NOTHING`,
    [
      ...[owner.tenantId, owner.schedule, owner.origin, owner.backfillId ?? null],
      owner.actor ? toJsonb(owner.actor) : null,
      owner.overlap ?? null,
      column(() => newId()),
      column(({ at }) => new Date(at)),
      column(({ dueAt }) => new Date(dueAt)),
      column(({ state }) => state),
      column(({ reason }) => reason),
      column(({ runKey }) => runKey),
      column(({ businessDate }) => businessDate),
      column(({ timeZone }) => timeZone),
    ],
  );
}

/** A slot whose run has ended. */
export interface SettledSlot {
  readonly run_id: string;
  readonly outcome: RunStatus | 'gone';
}

/** Records the ends of runs: those of a schedule by the clock and by hand, or those of a backfill. The caller holds the lock of either. */
export async function settleSlots(
  client: Queryable,
  { tenantId, name, backfillId }: ScheduleOf & { readonly backfillId?: string },
): Promise<readonly SettledSlot[]> {
  const { rows } = await client.query<SettledSlot>(
    `UPDATE tutti.schedule_slot s SET state = 'ended', outcome = coalesce(e.status, 'gone')
     FROM (SELECT o.id, r.status FROM tutti.schedule_slot o LEFT JOIN tutti.run r ON r.tenant_id = o.tenant_id AND r.id = o.run_id
       WHERE o.tenant_id = $1 AND o.schedule = $2 AND o.state = 'fired' AND o.backfill_id IS NOT DISTINCT FROM $3
         AND (r.id IS NULL OR r.ended_at IS NOT NULL)) e
     WHERE s.tenant_id = $1 AND s.id = e.id RETURNING s.run_id, s.outcome`,
    [tenantId, name, backfillId ?? null],
  );
  return rows;
}

/** Slots of a schedule, by the clock and by hand, that start or go on, and that wait for those. */
export interface OpenSlots {
  readonly open: number;
  readonly queued: number;
}

const none: OpenSlots = { open: 0, queued: 0 };

/** How many slots of a schedule start or go on, and how many wait for those. */
export async function countOpen(
  client: Queryable,
  { tenantId, name }: ScheduleOf,
): Promise<OpenSlots> {
  return (await countOpenOf(client, { tenantId, names: [name] }))(name);
}

/** The same of several schedules, asked once. */
export async function countOpenOf(
  client: Queryable,
  { tenantId, names }: { readonly tenantId: number; readonly names: readonly string[] },
): Promise<(name: string) => OpenSlots> {
  const { rows } = await client.query<OpenSlots & { readonly schedule: string }>(
    `SELECT schedule, (count(*) FILTER (WHERE state <> 'queued'))::int AS open, (count(*) FILTER (WHERE state = 'queued'))::int AS queued
     FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = ANY ($2) AND state IN ('due', 'queued', 'fired') AND origin <> 'backfill' GROUP BY 1`,
    [tenantId, names],
  );
  const counts = new Map(rows.map(({ schedule, ...counted }) => [schedule, counted]));
  return (name) => counts.get(name) ?? none;
}

/** Skips what waits: something newer stands for it. */
export async function skipQueued(
  client: Queryable,
  { tenantId, name }: ScheduleOf,
  reason: string,
): Promise<void> {
  await client.query(
    `UPDATE tutti.schedule_slot SET state = 'skipped', reason = $3 WHERE tenant_id = $1 AND schedule = $2 AND state = 'queued' AND origin <> 'backfill'`,
    [tenantId, name, reason],
  );
}

/** Moves a slot on that waits. */
export async function moveSlot(
  client: Queryable,
  { tenantId, id }: { readonly tenantId: number; readonly id: string },
  to: { readonly state: 'due' | 'skipped'; readonly reason: string | null },
): Promise<void> {
  await client.query(
    `UPDATE tutti.schedule_slot SET state = $3, reason = $4 WHERE tenant_id = $1 AND id = $2 AND state = 'queued'`,
    [tenantId, id, to.state, to.reason],
  );
}
