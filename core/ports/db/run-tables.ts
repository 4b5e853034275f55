import type { Generated, GeneratedAlways } from 'kysely';
import type {
  DefaultedJson,
  DefaultedTime,
  Json,
  NullableJson,
  NullableTime,
  Time,
} from './columns.ts';
import type {
  ApprovalState,
  AttemptOutcome,
  DocumentPart,
  EffectState,
  LedgerState,
  RunStatus,
  StepStatus,
  StepWait,
  Trust,
} from './states.ts';

/*
 * The tables of a run and of what it leaves behind; see tables.ts.
 */

/** One execution of a workflow version. */
export interface RunTable {
  readonly tenantId: number;
  readonly id: string;
  readonly workflow: string;
  readonly workflowVersion: number;
  readonly pins: Json;
  readonly journalV: number;
  readonly key: string | null;
  readonly parentRunId: string | null;
  readonly parentStep: number | null;
  readonly retryOf: string | null;
  readonly company: string | null;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly status: RunStatus;
  readonly priority: Generated<number>;
  readonly owner: string | null;
  readonly takeovers: Generated<number>;
  readonly deadlineAt: NullableTime;
  readonly wakeAt: NullableTime;
  readonly actor: Json;
  readonly createdAt: DefaultedTime;
  readonly endedAt: NullableTime;
  readonly erased: Generated<readonly string[]>;
}

/** One node instance in a run. */
export interface StepTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly id: number;
  readonly node: string;
  readonly itemKey: Generated<string>;
  readonly kind: string;
  readonly agent: string | null;
  readonly status: StepStatus;
  readonly attempt: Generated<number>;
  readonly crashes: Generated<number>;
  readonly priority: number;
  readonly critical: Generated<boolean>;
  readonly worker: string | null;
  readonly wait: StepWait | null;
  readonly wakeAt: NullableTime;
  readonly readyAt: NullableTime;
  readonly startedAt: NullableTime;
  readonly endedAt: NullableTime;
  readonly outputSeq: number | null;
  readonly error: NullableJson;
  readonly costMicroUsd: Generated<number>;
  readonly degraded: Generated<boolean>;
  readonly trust: Generated<Trust>;
}

/** One ended try of a step. */
export interface AttemptTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly step: number;
  readonly no: number;
  readonly worker: string;
  readonly startedAt: Time;
  readonly endedAt: Time;
  readonly outcome: AttemptOutcome;
  readonly error: NullableJson;
  readonly turns: number | null;
  readonly spanId: Buffer | null;
}

/** One line of a run's journal. */
export interface EntryTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly seq: number;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly kind: string;
  readonly v: Generated<number>;
  readonly at: DefaultedTime;
  readonly data: DefaultedJson;
}

/** A body that an entry refers to; erasable. */
export interface PayloadTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly seq: number;
  readonly part: Generated<number>;
  readonly class: string;
  readonly encoding: string;
  readonly keyId: number | null;
  readonly sha256: Buffer;
  readonly size: number;
  readonly body: Buffer | null;
  readonly erasedAt: NullableTime;
}

/** Which runs grew, in commit order. */
export interface FeedTable {
  readonly tenantId: number;
  readonly tx: Generated<number>;
  readonly runId: string;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** A message to a run's owner. */
export interface InboxTable {
  readonly id: GeneratedAlways<number>;
  readonly tenantId: number;
  readonly runId: string;
  readonly kind: string;
  readonly dedupe: string;
  readonly data: Json;
  readonly actor: Json;
  readonly at: DefaultedTime;
}

/** What a run's owner answers to another process that asks what its steps wait for. */
export interface ExplanationTable {
  readonly id: string;
  readonly tenantId: number;
  readonly runId: string;
  readonly at: DefaultedTime;
  readonly data: Json;
}

/** An outside write with its idempotency key. */
export interface EffectTable {
  readonly tenantId: number;
  readonly key: Buffer;
  readonly runId: string;
  readonly step: number;
  readonly seq: number;
  readonly tool: string;
  readonly contract: Buffer;
  readonly duty: string | null;
  readonly actor: Json;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly argsSha256: Buffer;
  readonly binds: NullableJson;
  readonly expect: string | null;
  readonly state: EffectState;
  readonly approvalId: string | null;
  readonly externalRef: string | null;
  readonly outcome: NullableJson;
  readonly undoOf: Buffer | null;
  readonly startedAt: NullableTime;
  readonly endedAt: NullableTime;
  readonly review: NullableJson;
}

/** A document that an effect bears on, beside its target. */
export interface EffectDocumentTable {
  readonly tenantId: number;
  readonly entity: string;
  readonly recordId: string;
  readonly part: DocumentPart;
  readonly key: Buffer;
}

/** A question to people about one effect. */
export interface ApprovalTable {
  readonly tenantId: number;
  readonly id: string;
  readonly effectKey: Buffer | null;
  readonly runId: string | null;
  readonly step: number | null;
  readonly digest: Buffer;
  readonly tier: string;
  readonly required: number;
  readonly state: ApprovalState;
  readonly requestedBy: Json;
  readonly expiresAt: Time;
  readonly escalateAt: NullableTime;
  readonly consumedAt: NullableTime;
  readonly title: string;
  readonly shown: NullableJson;
  /** What title and `shown` are sealed with; null: they lie there as they are. */
  readonly keyId: number | null;
  readonly deciders: string[];
  readonly path: string;
  readonly askedAt: Time;
  readonly escalateTo: string[];
  readonly escalatedAt: NullableTime;
  readonly closedAt: NullableTime;
  readonly effectRun: string | null;
  readonly effectSeq: number | null;
  readonly waits: boolean;
  readonly applyRun: string | null;
  readonly usedBy: string | null;
}

/** One person's answer. */
export interface ApprovalVoteTable {
  readonly tenantId: number;
  readonly approvalId: string;
  readonly actorId: string;
  readonly decision: string;
  readonly reason: string | null;
  readonly onBehalfOf: string | null;
  readonly at: Time;
  readonly via: string;
}

/** Who decides for whom, until when. */
export interface DelegationTable {
  readonly tenantId: number;
  readonly id: string;
  readonly fromPerson: string;
  readonly toPerson: string;
  readonly until: Time;
  readonly actor: Json;
  readonly at: Time;
  readonly endedAt: NullableTime;
}

/** The cost of one model turn. */
export interface LedgerTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly seq: number;
  readonly step: number;
  readonly model: string;
  readonly priceV: number;
  readonly state: LedgerState;
  readonly reservedMicroUsd: number;
  readonly costMicroUsd: number | null;
  readonly tokens: NullableJson;
  readonly simulated: Generated<boolean>;
  /** Through a provider's batches. */
  readonly batch: Generated<boolean>;
}

/** What an agent found in a run. */
export interface FindingTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly fingerprint: Buffer;
  readonly step: number;
  readonly seq: number;
  readonly module: string;
  readonly agent: string;
  readonly kind: string;
  readonly severity: string;
  readonly company: string | null;
  readonly records: Json;
  readonly amount: string | null;
  readonly currency: string | null;
  /** Found in a rehearsal. */
  readonly simulated: Generated<boolean>;
}

/** A run that retention and erasure leave alone. */
export interface HoldTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly reason: string;
  readonly actor: Json;
  readonly at: DefaultedTime;
}

/** A master key that data keys have been sealed under. */
export interface MasterKeyTable {
  readonly id: string;
  readonly at: DefaultedTime;
}

/** What opens the bodies of one run and class. */
export interface DataKeyTable {
  readonly tenantId: number;
  readonly runId: string;
  readonly class: string;
  readonly id: number;
  readonly master: string;
  readonly sealed: Buffer;
}

/** What was erased from a run, by whom and why. */
export interface ErasureTable {
  readonly tenantId: number;
  readonly id: GeneratedAlways<number>;
  readonly runId: string;
  readonly what: string;
  readonly reason: string;
  readonly actor: Json;
  readonly payloads: number;
  readonly at: DefaultedTime;
}
