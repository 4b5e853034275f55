import type { ErrorData } from '../../base/errors.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { SlotOrigin, SlotState } from '../../ports/db/states.ts';
import type { Overlap } from '../../sdk/schedule.ts';

/** A row of a slot, as firings read it. */
export interface SlotRow {
  readonly id: string;
  readonly schedule: string;
  readonly origin: SlotOrigin;
  readonly backfill_id: string | null;
  readonly slot_at: Date;
  readonly due_at: Date;
  readonly decided_at: Date;
  readonly state: SlotState;
  readonly reason: string | null;
  readonly run_key: string;
  readonly run_id: string | null;
  readonly business_date: string;
  readonly time_zone: string;
  readonly outcome: string | null;
  readonly error: ErrorData | null;
  readonly actor: Actor | null;
  /** By which a trigger was decided. */
  readonly overlap: Overlap | null;
}

/** The columns of a `SlotRow`. */
export const slotColumns =
  'id, schedule, origin, backfill_id, slot_at, due_at, decided_at, state, reason, run_key, run_id, business_date, time_zone, outcome, error, actor, overlap';

/** A slot as people see it. */
export interface SlotView {
  readonly id: string;
  readonly schedule: string;
  /** When it was due by the clock; of a trigger, when somebody asked. */
  readonly at: Date;
  readonly dueAt: Date;
  readonly origin: SlotOrigin;
  readonly state: SlotState;
  /** Why it does not start. */
  readonly reason: string | null;
  readonly runId: string | null;
  /** Status of its run, once that has ended. */
  readonly outcome: string | null;
  readonly error: ErrorData | null;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly backfillId: string | null;
  /** Who asked for it; null: the clock. */
  readonly actor: Actor | null;
  readonly decidedAt: Date;
}

/** Shows a row to people. */
export function viewOfSlot(row: SlotRow): SlotView {
  return {
    id: row.id,
    schedule: row.schedule,
    at: row.slot_at,
    dueAt: row.due_at,
    origin: row.origin,
    state: row.state,
    reason: row.reason,
    runId: row.run_id,
    outcome: row.outcome,
    error: row.error,
    businessDate: row.business_date,
    timeZone: row.time_zone,
    backfillId: row.backfill_id,
    actor: row.actor,
    decidedAt: row.decided_at,
  };
}

/** The key of the run of a slot: whoever starts it, it is one run. */
export function slotKey(schedule: string, at: number): string {
  return `${schedule}/${new Date(at).toISOString()}`;
}

/** A slot to be stored. */
export interface NewSlot {
  readonly at: number;
  readonly dueAt: number;
  readonly state: SlotState;
  readonly reason: string | null;
  readonly runKey: string;
  readonly businessDate: string;
  readonly timeZone: string;
}

/** Whose slots are stored. */
export interface SlotOwner {
  readonly tenantId: number;
  readonly schedule: string;
  readonly origin: SlotOrigin;
  readonly backfillId?: string;
  readonly actor?: Actor;
  /** By which a trigger was decided. */
  readonly overlap?: Overlap;
}
