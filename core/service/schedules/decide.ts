import type { Occurrence } from '../../sdk/calendar/occurrences.ts';
import type { CatchUp, Overlap } from '../../sdk/schedule.ts';

/** Why a slot does not start. */
export type SkipReason =
  | `excluded_${NonNullable<Occurrence['excluded']>}`
  | 'paused'
  | 'suspended'
  | 'missed'
  | 'superseded'
  | 'period_locked'
  | 'window_over'
  | 'overlap'
  | 'queue_full'
  | 'has_run'
  | 'running'
  | 'cancelled';

/** A slot that has come due. */
export interface DueSlot {
  readonly at: number;
  /** With its share of the jitter. */
  readonly dueAt: number;
  readonly excluded: Occurrence['excluded'];
  /** When its window ends; null: never. */
  readonly deadlineAt: number | null;
  /** Whether the ERP has locked its period. Asked for slots that come late alone. */
  readonly isLocked: boolean;
}

/** What slots are decided by. */
export interface Standing {
  readonly now: number;
  /** Since when the schedule is paused; null: it is not. */
  readonly pausedAt: number | null;
  readonly isSuspended: boolean;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** Slots before, whose runs are to start or go on. */
  readonly open: number;
  /** Slots before, which wait for those. */
  readonly queued: number;
}

/** What becomes of a slot. */
export interface Decision {
  readonly slot: DueSlot;
  readonly state: 'due' | 'queued' | 'skipped';
  readonly reason: SkipReason | null;
}

/** Who looks this much later than a slot came due was away: the schedule's `catchUp` decides. A busy engine, or one that just took over, is faster. */
const lateAfterMs = 60_000;
/** More than these in a queue say that runs take longer than the time between two slots. */
const mostQueued = 100;

/**
 * Decides about slots that have come due, in their order. Pure, and made once for each slot, under a lock on its schedule. Of
 * `cancel_running` only the newest starts, so slots that wait from before are to be skipped as `superseded` when any is queued here.
 */
export function decide(slots: readonly DueSlot[], standing: Standing): readonly Decision[] {
  const reasons = slots.map((slot) => refusal(slot, standing));
  const newest = reasons.lastIndexOf(null);
  let { open, queued } = standing;
  return slots.map((slot, index): Decision => {
    const reason = reasons[index] ?? superseded(slot, index < newest, standing);
    if (reason !== null) return { slot, state: 'skipped', reason };
    const isFree = open + queued === 0 || standing.overlap === 'allow';
    if (!isFree && standing.overlap === 'skip')
      return { slot, state: 'skipped', reason: 'overlap' };
    if (!isFree && queued >= mostQueued) return { slot, state: 'skipped', reason: 'queue_full' };
    if (isFree) open += 1;
    else queued += 1;
    return { slot, state: isFree ? 'due' : 'queued', reason: null };
  });
}

/** Why a slot does not start by itself, whatever goes on beside it. */
function refusal(slot: DueSlot, { now, ...standing }: Standing): SkipReason | null {
  const { catchUp, pausedAt } = standing;
  if (slot.excluded !== null) return `excluded_${slot.excluded}`;
  // What came due before somebody paused it was missed by then.
  if (pausedAt !== null) return slot.at >= pausedAt ? 'paused' : 'missed';
  if (standing.isSuspended) return 'suspended';
  if (slot.deadlineAt !== null && now >= slot.deadlineAt) return 'window_over';
  if (!isLate(slot, now)) return null;
  if (catchUp.which === 'none' || now - slot.dueAt > catchUp.windowMs) return 'missed';
  return slot.isLocked && catchUp.lockedPeriod === 'skip' ? 'period_locked' : null;
}

/** Of several at once, whether a newer one stands for this one. */
function superseded(
  slot: DueSlot,
  hasNewer: boolean,
  { now, catchUp, overlap }: Standing,
): SkipReason | null {
  if (!hasNewer) return null;
  const isOnlyLast = catchUp.which === 'last' && isLate(slot, now);
  return isOnlyLast || overlap === 'cancel_running' ? 'superseded' : null;
}

/** Whether a slot comes so late that somebody must have been away. */
export function isLate({ dueAt }: Pick<DueSlot, 'dueAt'>, now: number): boolean {
  return now - dueAt > lateAfterMs;
}
