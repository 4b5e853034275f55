import type { ErrorData } from '../../base/errors.ts';
import { toStorableJson, toStorableText } from '../../base/text.ts';
import type { DocumentName } from '../../ports/dispatcher.ts';
import type { Run } from '../run/run.ts';
import type { RunStatus } from '../run/states.ts';
import type { Step } from '../run/step.ts';

/** An Entry with its place in the run's journal. `body` is stored apart, as a Payload. */
export interface EntryRow {
  readonly seq: number;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body?: Body | undefined;
}

/** What a payload holds: decides who may read it and how long it is kept. */
export type PayloadClass = 'input' | 'output' | 'model' | 'finding' | 'effect';

/** A text that is stored apart, as a payload. */
export interface Body {
  readonly class: PayloadClass;
  readonly text: string;
}

/** Money that moves with a flush, the same in each of some purses; only those that several engines share have rows. */
export interface MoneyMove {
  /** Names of purses (limits/purse.ts). */
  readonly purses: readonly string[];
  readonly reserve: number;
  readonly release: number;
  readonly settle: number;
}

/** How far the reservation of a model call has come; the call may be made once it is durable. */
export interface CallState {
  phase: 'gathered' | 'sent' | 'durable';
  /** Its attempt has ended before: while it is only gathered, nothing of it is written. */
  isAbandoned: boolean;
}

/** A model call that is about to be made: durable, with its reservation, before it is sent. */
export interface TurnRow {
  readonly call: CallState;
  readonly seq: number;
  readonly model: string;
  readonly priceVersion: number;
  readonly reservedMicroUsd: number;
  /** A rehearsal's: nobody is billed. */
  readonly simulated: boolean;
  /** Through a provider's batches. @default false */
  readonly batch?: boolean;
}

/** What a model call cost in the end. */
export interface SettleRow {
  readonly seq: number;
  readonly model: string;
  readonly priceVersion: number;
  readonly reservedMicroUsd: number;
  readonly state: 'settled' | 'estimated' | 'released';
  readonly costMicroUsd: number;
  readonly tokens: unknown;
}

export interface EffectRow {
  readonly key: string;
  readonly seq: number;
  readonly tool: string;
  readonly contract: string;
  readonly duty: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly argsSha256: string;
  readonly binds: unknown;
  readonly state: string;
  /** The effect that it takes back, hex. @default it takes none back */
  readonly undoOf?: string | null;
  readonly related?: readonly DocumentName[];
  /** The money that it moves, for people. */
  readonly amount?: { readonly amount: string; readonly currency: string };
}

export interface EffectEndRow {
  readonly key: string;
  readonly state: string;
  readonly outcome: unknown;
  /** The document that it brought about. @default none */
  readonly made?: DocumentName | null;
  /** The approval that it uses up, by the entry of this number: where that holds no more, nothing changes. @default none */
  readonly claim?: { readonly approval: string; readonly seq: number };
}

export interface FindingRow {
  readonly seq: number;
  readonly fingerprint: Buffer;
  readonly module: string;
  readonly agent: string;
  readonly kind: string;
  readonly severity: string;
  readonly company: string | null;
  readonly records: unknown;
  readonly amount: string | null;
  readonly currency: string | null;
}

export interface AttemptRow {
  readonly no: number;
  readonly worker: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome:
    | 'succeeded'
    | 'failed'
    | 'timed_out'
    | 'cancelled'
    | 'crashed'
    | 'lost'
    | 'batched'
    | 'delegated';
  readonly error: ErrorData | null;
  readonly turns: number;
  /** The span that tells of it, hex. @default nobody traces it */
  readonly spanId?: string | undefined;
}

/** A model call whose engine died: it counts in full. */
export interface OrphanRow {
  readonly model: string;
  readonly module: string;
  readonly amount: number;
  readonly simulated: boolean;
}

/**
 * Changes of one step (or of the run itself, `step` null) that belong together: they are written in one flush or, when the
 * database refuses one of them, not at all.
 */
export interface Change {
  readonly run: Run;
  readonly step: Step | null;
  readonly entries?: readonly EntryRow[] | undefined;
  readonly attempts?: readonly AttemptRow[] | undefined;
  readonly turns?: readonly TurnRow[] | undefined;
  readonly settles?: readonly SettleRow[] | undefined;
  readonly money?: MoneyMove | undefined;
  readonly effects?: readonly EffectRow[] | undefined;
  readonly effectEnds?: readonly EffectEndRow[] | undefined;
  readonly findings?: readonly FindingRow[] | undefined;
  /** Writes the run's row: this, and its priority. @default it is as it was */
  readonly runStatus?: RunStatus | undefined;
  /** Inbox rows that this change has taken up. */
  readonly taken?: readonly number[] | undefined;
}

/** Turns a value into jsonb that PostgreSQL accepts: it refuses NUL (22P05) and lone surrogates (22P02). */
export const toJsonb: (value: unknown) => string = toStorableJson;

/** Turns text into a value that PostgreSQL accepts. */
export const toText: (value: string) => string = toStorableText;
