import type { ErrorData } from '../../base/errors.ts';
import type {
  AttemptOutcome,
  EffectState,
  RunStatus,
  StepStatus,
  Trust,
} from '../../ports/db/states.ts';
import type { PolicyRef } from '../../sdk/policy/policy-ref.ts';

/*
 * What readers are shown of a run: plain data, times as Date (RFC 3339 in JSON), money in micro-USD. See history.ts.
 */

/** A run in a list. */
export interface RunHead {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  /** Whether it only rehearsed: no model was called, nobody is billed, and nothing was written. */
  readonly rehearsal: boolean;
  /** What it is for, in words; null: nobody has said, or it has been erased. */
  readonly goal: string | null;
  /** Company code; null for a run over the whole group. */
  readonly company: string | null;
  /** `YYYY-MM-DD` */
  readonly businessDate: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** Idempotency key of the request that made it. */
  readonly key: string | null;
  /** The run whose failed steps it does again. */
  readonly retryOf: string | null;
  /** The run that does its failed steps again. */
  readonly retriedBy: string | null;
}

/** A run by itself. */
export interface RunDetail extends RunHead {
  /** 1 to 10; what somebody has asked for, although its owner has not heard of it yet. */
  readonly priority: number;
  /** When it is cancelled if it has not ended; null: whenever it ends. */
  readonly deadlineAt: Date | null;
  /** The run a step of which has started it. */
  readonly startedBy: string | null;
  /** The runs that its steps have started, at most 100, oldest first. */
  readonly started: readonly string[];
}

/** A run in figures. */
export interface RunSummary {
  readonly runId: string;
  readonly workflow: string;
  readonly status: RunStatus;
  /** Whether it only rehearsed: tokens and costs are simulated. */
  readonly rehearsal: boolean;
  readonly steps: {
    readonly total: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly skipped: number;
    /** By somebody, or with the run. A run of which somebody has cancelled steps, and nothing has failed, is `succeeded`. */
    readonly cancelled: number;
    /** Ran their playbook because the model was not to be had. */
    readonly degraded: number;
  };
  /** Steps that are agents and ran. */
  readonly agents: number;
  /** Modules whose agents ran, sorted. */
  readonly modules: readonly string[];
  readonly toolCalls: number;
  /** Rows of the ERP that tools read, repeats counted. */
  readonly recordsRead: number;
  /** Effects that it proposed. */
  readonly proposals: number;
  /** Effects that it would have had, had it been no rehearsal. */
  readonly observed: number;
  readonly costMicroUsd: number;
  readonly tokens: { readonly input: number; readonly output: number };
  /** From its creation to its end, or until now. */
  readonly durationMs: number;
  readonly findings: number;
}

/** One step of a run. */
export interface StepView {
  readonly id: number;
  readonly node: string;
  /** '' outside of a foreach. */
  readonly itemKey: string;
  readonly kind: string;
  /** `module.agent`; null for a step that is none. */
  readonly agent: string | null;
  readonly status: StepStatus;
  readonly attempt: number;
  /** Times that a thread died under it. */
  readonly crashes: number;
  readonly degraded: boolean;
  readonly trust: Trust;
  readonly worker: string | null;
  readonly costMicroUsd: number;
  readonly readyAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly error: ErrorData | null;
}

/** One ended try of a step. */
export interface AttemptView {
  readonly no: number;
  readonly worker: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly outcome: AttemptOutcome;
  readonly error: ErrorData | null;
  /** Model calls. */
  readonly turns: number | null;
}

/** One line of a run's journal: ids, codes and figures; bodies are payloads and not here. */
export interface EntryView {
  readonly seq: number;
  /** Step id; null for the run itself. */
  readonly step: number | null;
  readonly attempt: number | null;
  readonly kind: string;
  readonly at: Date;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The same, found among those of all runs. */
export interface FoundEntry extends EntryView {
  readonly runId: string;
  /** The path of its step; null for the run itself. */
  readonly path: string | null;
  /** `module.agent` of its step; null where there is none. */
  readonly agent: string | null;
}

/** Something that an agent found. */
export interface FindingView {
  /** `runId/seq` */
  readonly id: string;
  /** Hex; the same finding of another night has the same. */
  readonly fingerprint: string;
  /** Whether an earlier run had it already. */
  readonly known: boolean;
  /** Found by a rehearsal: no news to anybody. */
  readonly simulated: boolean;
  readonly runId: string;
  readonly stepId: number;
  readonly module: string;
  /** `module.agent` */
  readonly agent: string;
  readonly kind: string;
  readonly severity: string;
  readonly company: string | null;
  readonly records: readonly { readonly entity: string; readonly id: string }[];
  /** Decimal text. */
  readonly amount: string | null;
  readonly currency: string | null;
  /** '' once it has been erased. */
  readonly summary: string;
  readonly evidence: Readonly<Record<string, string | number | boolean | null>>;
}

/** A change to the ERP that waits for a person. */
export interface ProposalView {
  /** The effect's idempotency key, hex. */
  readonly key: string;
  /** The run that proposed it first. */
  readonly runId: string;
  readonly stepId: number;
  readonly seq: number;
  readonly tool: string;
  /** The tool's. */
  readonly module: string;
  /** `module.agent` */
  readonly agent: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly state: EffectState;
  /** What has become of it: of one that is still proposed, what has become of the question about it. */
  readonly became: ProposalEnd;
  /** The newest question about it: `tutti approve`. */
  readonly approval: string | null;
  /** The rule by which it was left for people, and the policy that said so; null where none did. */
  readonly rule: string | null;
  readonly policy: PolicyRef | null;
  /** What the tool would be called with; null once it has been erased. */
  readonly args: unknown;
}

/** `open`: people are asked, or nobody is yet. `granted`: it is about to be carried out. `withdrawn`: it is asked anew when it is proposed again. */
export type ProposalEnd =
  | 'open'
  | 'granted'
  | 'expired'
  | 'withdrawn'
  | Exclude<EffectState, 'proposed'>;
