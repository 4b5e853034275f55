import type { Generated } from 'kysely';
import type { DefaultedTime, Json, NullableTime, Time } from './columns.ts';
import type { FiringState } from './states.ts';

/* The tables of ERP events and of the hooks that they fire; see tables.ts, and migrations/0011-hooks.sql for what columns mean. */

/** An ERP event that came in. */
export interface HookEventTable {
  readonly tenantId: number;
  readonly source: string;
  readonly dedupe: string;
  readonly id: Generated<string>;
  readonly type: string | null;
  readonly entity: string | null;
  readonly recordId: string | null;
  readonly version: string | null;
  readonly occurredAt: NullableTime;
  readonly receivedAt: DefaultedTime;
  readonly body: Buffer | null;
}

/** What a hook does about an event of a record, or about several. */
export interface HookFiringTable {
  readonly tenantId: number;
  readonly id: string;
  readonly hook: string;
  readonly entity: string | null;
  readonly recordId: string | null;
  readonly key: string;
  readonly state: FiringState;
  readonly dueAt: Time;
  readonly attempts: Generated<number>;
  readonly claim: string | null;
  readonly events: number;
  readonly eventIds: readonly string[];
  readonly replayedBy: Json | null;
  readonly version: string | null;
  readonly change: string | null;
  readonly input: Json | null;
  readonly company: string | null;
  readonly runId: string | null;
  readonly reason: string | null;
  readonly error: Json | null;
  readonly createdAt: Time;
  readonly endedAt: NullableTime;
}

/** Whether a hook's condition held when a record was last seen. */
export interface HookSeenTable {
  readonly tenantId: number;
  readonly hook: string;
  readonly key: string;
  readonly holds: boolean;
  readonly version: string | null;
  readonly at: Time;
}

/** A hook that somebody has paused. */
export interface HookPauseTable {
  readonly tenantId: number;
  readonly hook: string;
  readonly actor: Json;
  readonly reason: string;
  readonly at: DefaultedTime;
}

/** How far sweeps of an entity have come. */
export interface HookCursorTable {
  readonly tenantId: number;
  readonly entity: string;
  readonly cursor: string | null;
  readonly previous: string | null;
  readonly dueAt: Time;
  readonly sweptAt: NullableTime;
  readonly error: Json | null;
}
