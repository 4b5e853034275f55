import type { DefaultedTime, Json, NullableJson, NullableTime, Time } from './columns.ts';
import type { BackfillOrder, BackfillState, Reprocess, SlotOrigin, SlotState } from './states.ts';

/** What is known of a schedule. */
export interface ScheduleTable {
  readonly tenantId: number;
  readonly name: string;
  readonly declared: Buffer;
  readonly since: Time;
  readonly seenAt: Time;
  readonly timing: Buffer;
  readonly throughAt: Time;
  readonly pausedAt: NullableTime;
  readonly pausedBy: NullableJson;
  readonly pauseReason: string | null;
}

/** A slot of a schedule, and what became of it. */
export interface ScheduleSlotTable {
  readonly tenantId: number;
  readonly schedule: string;
  readonly slotAt: Time;
  readonly runId: string | null;
  readonly id: string;
  readonly origin: SlotOrigin;
  readonly backfillId: string | null;
  readonly state: SlotState;
  readonly reason: string | null;
  readonly dueAt: Time;
  readonly decidedAt: DefaultedTime;
  readonly runKey: string;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly outcome: string | null;
  readonly error: NullableJson;
  readonly actor: NullableJson;
  /** Of a trigger. */
  readonly overlap: string | null;
}

/** Slots that people have asked for again. */
export interface BackfillTable {
  readonly tenantId: number;
  readonly id: string;
  readonly schedule: string;
  readonly key: string;
  readonly fromAt: Time;
  readonly toAt: Time;
  readonly reprocess: Reprocess;
  readonly maxActiveRuns: number;
  readonly runOrder: BackfillOrder;
  readonly state: BackfillState;
  readonly actor: Json;
  readonly at: DefaultedTime;
  readonly endedAt: NullableTime;
}
