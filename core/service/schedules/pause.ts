import { type AuditedChange, appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import { type ScheduleOf, settleSlots } from './slot-store.ts';

/** Pauses a schedule that goes on; false: it is paused already. */
export async function pauseSchedule(
  client: Queryable,
  { tenantId, name }: ScheduleOf,
  { actor, reason, at }: { readonly actor: Actor; readonly reason: string; readonly at: Date },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE tutti.schedule SET paused_at = $3, paused_by = $4, pause_reason = $5 WHERE tenant_id = $1 AND name = $2 AND paused_at IS NULL`,
    [tenantId, name, at, toJsonb(actor), reason],
  );
  return rowCount === 1;
}

/**
 * Pauses a schedule because a run of it has failed, or could not be stored. The audit log is told by `auditFailurePause`, as the last
 * statement of the transaction.
 */
export function pauseForFailure(
  client: Queryable,
  of: ScheduleOf,
  { what, at }: { readonly what: string; readonly at: Date },
): Promise<boolean> {
  return pauseSchedule(client, of, { actor: scheduleActor(of.name), reason: what, at });
}

/**
 * Records the ends of a schedule's runs, and pauses it for the first that failed, if it says so. Returns that run; null: it was not paused by
 * any. The caller holds the schedule's lock, and tells the audit log.
 */
export async function settleRuns(
  client: Queryable,
  { schedule: { name, pauseOnFailure } }: Pick<RegisteredSchedule, 'schedule'>,
  { tenantId, now }: { readonly tenantId: number; readonly now: number },
): Promise<string | null> {
  const of = { tenantId, name };
  const failed = (await settleSlots(client, of)).find(({ outcome }) => outcome === 'failed');
  if (failed === undefined || !pauseOnFailure) return null;
  const pause = { what: `run ${failed.run_id} failed`, at: new Date(now) };
  return (await pauseForFailure(client, of, pause)) ? failed.run_id : null;
}

/** Tells the audit log that a schedule has paused itself. */
export async function auditFailurePause(
  client: Queryable,
  { tenantId, name }: ScheduleOf,
  data: NonNullable<AuditedChange['data']>,
): Promise<void> {
  const change = { tenantId, actor: scheduleActor(name), action: 'schedule.pause', target: name };
  await appendAudit(client, { ...change, data });
}

/** Who does what a schedule does by itself. */
export function scheduleActor(name: string): Actor {
  return { kind: 'schedule', id: name };
}
