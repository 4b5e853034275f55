/*
 * What the console reads of the API's answers; they hold more, and the rest is left alone. Money is in micro-USD, moments are RFC 3339 in
 * UTC.
 */

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Who is signed in. */
export interface Me {
  readonly tenant: string | null;
  readonly actor: Actor;
  /** As whom it decides; null: nobody, or the person that the actor is. */
  readonly person: string | null;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  /** The modules that it may touch; null: all of them. */
  readonly modules: readonly string[] | null;
  /** The companies that it may touch; null: all of them. */
  readonly companies: readonly string[] | null;
  readonly hasSession: boolean;
}

/** Who did something. */
export interface Actor {
  readonly kind: string;
  readonly id: string;
}

/** Why something failed. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Every status of a run. */
export const runStatuses = [
  ...(['queued', 'running', 'waiting', 'paused'] as const),
  ...(['succeeded', 'partial', 'failed', 'cancelled'] as const),
] as const;

/** A run in a list. */
export interface Run {
  readonly id: string;
  readonly workflow: string;
  readonly status: (typeof runStatuses)[number];
  readonly rehearsal: boolean;
  readonly goal: string | null;
  readonly company: string | null;
  readonly businessDate: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly retryOf: string | null;
  readonly retriedBy: string | null;
}

/** A run by itself. */
export interface RunDetail extends Run {
  readonly priority: number;
  readonly deadlineAt: string | null;
  readonly summary: RunSummary;
}

/** A run in figures. */
export interface RunSummary {
  readonly steps: {
    readonly total: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly skipped: number;
    readonly cancelled: number;
    readonly degraded: number;
  };
  readonly agents: number;
  readonly toolCalls: number;
  readonly recordsRead: number;
  readonly proposals: number;
  readonly observed: number;
  readonly costMicroUsd: number;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly durationMs: number;
  readonly findings: number;
}

/** Every state of a step, those that people look for first. */
export const stepStatuses = [
  ...(['failed', 'running', 'waiting', 'ready'] as const),
  ...(['pending', 'cancelled', 'skipped', 'succeeded'] as const),
] as const;

/** How far a step is. */
export type StepStatus = (typeof stepStatuses)[number];

/** A step of a run. */
export interface Step {
  readonly id: number;
  readonly node: string;
  readonly itemKey: string;
  readonly kind: string;
  readonly agent: string | null;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly crashes: number;
  readonly degraded: boolean;
  readonly costMicroUsd: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly error: Failure | null;
}

/** What a step was given or has brought. */
export interface Content {
  readonly state: 'there' | 'none' | 'erased' | 'unknown';
  readonly value?: unknown;
  readonly why?: string;
}

/** A step with what it worked on. */
export interface StepContent extends Step {
  readonly path: string;
  readonly trust: string;
  readonly input: Content;
  readonly output: Content;
  readonly attempts: readonly Attempt[];
}

/** An ended try of a step. */
export interface Attempt {
  readonly no: number;
  readonly worker: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: string;
  readonly error: Failure | null;
  readonly turns: number | null;
}

/** A line of a run's journal. */
export interface Entry {
  readonly seq: number;
  readonly step: number | null;
  readonly kind: string;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Where it is known. */
  readonly path?: string | null;
}

/** What waiting steps wait for. */
export interface Explanation {
  readonly at: string;
  readonly note?: string;
  readonly endAt: string | null;
  readonly bottleneck: {
    readonly kind: string;
    readonly name: string;
    readonly share: number;
  } | null;
  readonly steps: readonly ExplainedStep[];
  readonly more: number;
}

/** A step that waits. */
export interface ExplainedStep {
  readonly id: number;
  readonly path: string;
  readonly agent: string | null;
  readonly status: StepStatus;
  readonly blockers: readonly {
    readonly kind: string;
    readonly text: string;
    readonly ifLifted?: string | null;
  }[];
  readonly startAt: string | null;
  readonly endAt: string | null;
}

/** Every state of a question. */
export const approvalStates = [
  ...(['open', 'granted', 'refused', 'expired', 'withdrawn', 'consumed'] as const),
] as const;

/** A question to people. */
export interface Approval {
  readonly id: string;
  readonly runId: string | null;
  readonly path: string;
  readonly workflow: string | null;
  readonly company: string | null;
  readonly effect: {
    readonly tool: string;
    readonly entity: string | null;
    readonly targetId: string | null;
    readonly waits: boolean;
    readonly applyRun: string | null;
  } | null;
  readonly tier: string;
  readonly title: string;
  readonly shown: unknown;
  readonly state: (typeof approvalStates)[number];
  readonly deciders: readonly string[];
  readonly persons: readonly string[];
  readonly required: number;
  readonly yeses: number;
  readonly requestedBy: Actor & { readonly agent?: string };
  readonly askedAt: string;
  readonly expiresAt: string;
  readonly votes: readonly {
    readonly person: string;
    readonly onBehalfOf: string | null;
    readonly decision: string;
    readonly note: string | null;
    readonly at: string;
  }[];
}

/** A tool. */
export interface Tool {
  readonly description: string;
}

/** A change that an agent proposed. */
export interface Proposal {
  readonly key: string;
  readonly runId: string;
  readonly tool: string;
  readonly agent: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly became: string;
  readonly approval: string | null;
  readonly args: unknown;
}

/** What may become of a finding. */
export const triageStates = ['open', 'accepted', 'resolved', 'ignored'] as const;

/** Something that an agent found. */
export interface Finding {
  readonly id: string;
  readonly fingerprint: string;
  readonly known: boolean;
  readonly runId: string;
  readonly agent: string;
  readonly module: string;
  readonly kind: string;
  readonly severity: string;
  readonly company: string | null;
  readonly records: readonly { readonly entity: string; readonly id: string }[];
  readonly amount: string | null;
  readonly currency: string | null;
  readonly summary: string;
  readonly triage: {
    readonly state: string;
    readonly assignee: string | null;
    readonly note: string | null;
  } | null;
}

/** How far limits are used. */
export interface Limits {
  readonly source: 'engine' | 'ledger';
  readonly at: string;
  readonly models: readonly (LimitUse & { readonly model: string })[];
  readonly gates: readonly (LimitUse & { readonly gate: string })[];
  readonly rateLimiting: {
    readonly totalRequests: number;
    readonly totalTokens: number;
    readonly avgWaitMs: number | null;
  };
}

/** What is used of each limit, and the limit; null: there is none, or nobody counts. */
export type LimitUse = Readonly<
  Record<
    `${'rpm' | 'rph' | 'rpd' | 'tpm' | 'inputTpm' | 'outputTpm' | 'burst'}${'Used' | 'Limit'}`,
    number | null
  >
> & {
  readonly concurrencyUsed: number;
  readonly concurrencyLimit: number | null;
  readonly closedMs: number | null;
  readonly factor: number | null;
};

/** Something that is stopped. */
export interface Stop {
  readonly id: string;
  readonly reach: string;
  readonly reason: string;
  readonly actor: Actor;
  readonly at: string;
}

/** What calls came to. */
export interface CostSums {
  readonly calls: number;
  readonly costMicroUsd: number;
  readonly estimatedMicroUsd: number;
  readonly openCalls: number;
  readonly reservedMicroUsd: number;
  readonly tokens: {
    readonly input: number;
    readonly cachedInput: number;
    readonly output: number;
  };
}

/** Every way to add costs up. */
export const costWays = ['module', 'agent', 'workflow', 'model', 'run', 'day'] as const;

/** What models cost. */
export interface Costs {
  readonly since: string;
  readonly total: CostSums;
  readonly rows: readonly (CostSums & {
    readonly name: string;
    readonly workflow: string | null;
  })[];
  readonly left: number;
}

/** The purses of a day. */
export interface Budgets {
  readonly period: string;
  readonly warnAt: number;
  readonly items: readonly Budget[];
}

/** A purse. */
export interface Budget {
  readonly scope: string;
  readonly limitMicroUsd: number;
  readonly source: string;
  readonly reservedMicroUsd: number;
  readonly settledMicroUsd: number;
  readonly freeMicroUsd: number;
  readonly share: number;
  readonly waiting: number;
}

/** How the installation is. */
export interface Status {
  readonly at: string;
  readonly version: string;
  readonly engine: { readonly running: boolean; readonly alive: number };
  readonly workflows: {
    readonly started: number;
    readonly completed: number;
    readonly partial: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly open: number;
  };
  readonly agents: { readonly executed: number; readonly failed: number; readonly retried: number };
  readonly costTracking: { readonly totalCostMicroUsd: number; readonly totalTokens: number };
  readonly pool: {
    readonly lanes: { readonly wanted: number; readonly ready: number; readonly zombies: number };
  };
  readonly queue: { readonly ready: number; readonly running: number; readonly waiting: number };
  readonly people: {
    readonly openApprovals: number;
    readonly approvalsByModule: readonly {
      readonly module: string | null;
      readonly count: number;
    }[];
    readonly effectsInReview: number;
  };
  readonly database: { readonly version: string; readonly answeredMs: number };
}

/** A schedule. */
export interface Schedule {
  readonly name: string;
  readonly workflow: string;
  readonly company: string | null;
  readonly when: string;
  readonly paused: { readonly at: string; readonly by: Actor; readonly reason: string } | null;
  readonly nextAt: string | null;
  readonly last: {
    readonly at: string;
    readonly state: string;
    readonly runId: string | null;
    readonly outcome: string | null;
    readonly reason: string | null;
  } | null;
  readonly open: number;
  readonly queued: number;
}
