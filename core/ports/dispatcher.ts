import type { ErrorData } from '../base/errors.ts';
import type { LeaseClock } from '../base/lease-clock.ts';
import type { FindingInput } from '../sdk/agent.ts';
import type { MadeAgent } from '../sdk/agent-document.ts';
import type { McpCall, McpResult } from '../sdk/outside.ts';
import type { Decided } from '../sdk/policy/policy-ref.ts';
import type { Terms } from '../sdk/policy/tier.ts';
import type { ApprovalState, EffectState, Trust } from './db/states.ts';
import type { JobWait } from './job-wait.ts';
import type { Quota, Usage } from './models/model.ts';
import type { ModuleRef } from './module-code.ts';
import type { RecordedTurn } from './recorded-turn.ts';

/** For whom an agent works to whom work was handed. */
export interface DelegatedBy {
  /** By whose rights, too, everything is decided, qualified; whoever began first. */
  readonly agents: readonly string[];
  /** The run and the path under which keys of effects are made: those of the step that handed it on, whichever run does it. */
  readonly effects: { readonly run: string; readonly path: string };
  /** The workflow whose budget pays. */
  readonly workflow: string;
}

/** One attempt of a step on its way to a thread. Small: ids and the input; a thread reads everything else itself. */
export interface Job {
  /** Names this attempt in every message about it; unique for the life of the engine. */
  readonly ref: number;
  readonly tenantId: number;
  readonly runId: string;
  /** The run under whose id keys of effects are made, of a run that retries it. @default its own */
  readonly effectsOf?: string;
  /** For whom it works, of a run that an agent's call has started. @default nobody has handed it on */
  readonly delegated?: DelegatedBy;
  /** The journal version of the release that made the run. */
  readonly journal: number;
  readonly stepPath: string;
  readonly attempt: number;
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  /** Of an agent that people have made: what it follows from; threads load the others from code. */
  readonly made?: MadeAgent;
  readonly input: unknown;
  /** What the run is for, in words, which the agent is told beside its input. @default nobody has said */
  readonly goal?: string;
  /** The label of input and goal. @default operator */
  readonly trust?: Trust;
  /** A model target's profile decides which model; playbooks need none. `rehearsal`: the playbook, behind simulated model calls. */
  readonly mode: 'model' | 'playbook' | 'rehearsal';
  /**
   * Set for every job of a run that is rehearsed, whatever the job's mode: nothing happens outside, and no effect is stored.
   * `latency`: simulated model calls take their time, `speed` times as fast as a model's (default 1).
   * @default the run is none
   */
  readonly simulate?: { readonly latency: boolean; readonly speed?: number };
  readonly company: string | null;
  readonly businessDate: string;
  readonly attended: boolean;
  /** Runs by itself on a lane of its own, because lanes have died under it. */
  readonly alone: boolean;
  /** Whether the first model call is permitted already. */
  readonly permitted: boolean;
  /** Where that call goes: a place in the chain of its agent's profile. @default the first */
  readonly target?: number;
  /** The conversation so far, oldest turn first; it goes on after the last. */
  readonly recorded: readonly RecordedTurn[];
  /** What people have granted and the job carries out. @default it does work of its own */
  readonly applies?: Applies;
  /** The MCP server of calls that name none. @default the configuration's */
  readonly server?: string;
  /** Keys of the items that its step works on together: each must have its result. @default it works on one thing */
  readonly batch?: readonly string[];
  /** The attempt's span, for requests on its behalf (https://www.w3.org/TR/trace-context/). @default nobody traces it */
  readonly traceparent?: string;
}

/** An approved effect, by its key (hex) and the id of the approval. */
export interface Applies {
  readonly key: string;
  readonly approval: string;
}

/** A line of the journal on its way from a thread. `body` becomes a payload: text that may hold personal data. */
export interface EntryDraft {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body?: string;
}

/** One ended model call. */
export interface TurnDone {
  readonly turn: number;
  readonly model: string;
  readonly usage: Usage | null;
  readonly stop: string;
  /** Set when the call failed; `sent: false` proves that the provider saw nothing. */
  readonly error?: ErrorData;
  readonly sent: boolean;
  readonly durationMs: number;
  /** The reply's parts, as JSON. */
  readonly body?: string;
  /** Set when the reply is one text and to the letter what the step hands in: `body` is that text, which is stored once. */
  readonly isOutput?: true;
  /** What the provider's headers say of its limits. */
  readonly quota?: Quota;
  /** Who was called, as OpenTelemetry names it. @default nobody */
  readonly provider?: string;
  /** The model that answered, as its provider names it. @default none has */
  readonly answeredBy?: string;
  /** From the call's beginning to the first piece of the reply. @default unknown */
  readonly firstChunkMs?: number;
  /** Set when no model was called: usage and duration are those that a call would about have had. */
  readonly simulated?: true;
}

/** An outside write that is about to happen or to be proposed. */
export interface Intent {
  /** 32 bytes, hex: H(tenant, tool, scope, business key). Never attempt, order or free text. */
  readonly key: string;
  readonly tool: string;
  /** Digest of the tool's contract, hex. */
  readonly contract: string;
  readonly duty: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly args: unknown;
  readonly argsSha256: string;
  /** The values of the fields that an approver is shown. */
  readonly binds: Readonly<Record<string, unknown>> | null;
  readonly state: 'proposed' | 'started';
  /** The documents that the target comes from, for the separation of duties. @default none */
  readonly related?: readonly DocumentName[];
  /** Who must agree to it. @default nobody: it is about to happen */
  readonly terms?: Terms;
  /** Whether its step waits for the answer and carries it out by itself; without it a run of its own does. @default false */
  readonly waits?: boolean;
  /** The approval under which it is met again, to be carried out: nothing of what is stored changes. @default none */
  readonly applies?: string;
  /** The MCP server that its tool's calls go to, where its node says which. @default the configuration's */
  readonly server?: string;
  /** By which rule, and by whose word. @default nobody has said */
  readonly decided?: Decided;
  /** The money that it moves, for people. @default none, or nobody has asked */
  readonly amount?: { readonly amount: string; readonly currency: string };
}

/** The same on its way: its arguments are JSON, which whoever stores it does not read. */
export type SentIntent = Omit<Intent, 'args'> & { readonly args: string };

/** What has become of the question whether an effect may happen. */
export interface EffectApproval {
  readonly id: string;
  readonly state: ApprovalState;
  /** Whether the yeses that were given are what is asked for today; of whoever asks, none counts. */
  readonly isEnough: boolean;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** A record of the ERP, by name and id. */
export interface DocumentName {
  readonly entity: string;
  readonly id: string;
}

/** What a person says about an effect whose end nobody knew. */
export type Verdict = 'happened' | 'did-not-happen' | 'retry';

/** What the journal knew of an effect's key before. */
export interface EffectRecord {
  readonly state: EffectState;
  readonly argsSha256: string;
  readonly outcome: unknown;
  /**
   * Milliseconds since it was last begun or given up, by the database's clock.
   * @default unknown: whoever must let a call in flight end waits as long as one may take
   */
  readonly ageMs?: number;
  /** What a person has said of it. @default nobody was asked */
  readonly verdict?: Verdict;
  /** What people were asked before it happened. @default nothing, or the intent did not say who must agree */
  readonly approval?: EffectApproval;
  /** Digest of the tool's contract when it was asked for, hex. @default unknown */
  readonly contract?: string;
  /** The values that an approver is shown, as they were then. @default unknown */
  readonly binds?: Readonly<Record<string, unknown>> | null;
}

/** What a job asks a model call for. */
export interface PermitAsk {
  /** The request's size in UTF-8. */
  readonly bytes: number;
  /** The call that has just failed for now and is to be made again. @default none has */
  readonly failed?: {
    readonly error: ErrorData;
    /** Calls of this turn that have failed for the same reason so far: a provider that is busy costs none that is away its tries. */
    readonly tries: number;
  };
}

/** A call of an MCP server's tool, with the server that it goes to. */
export type RoutedCall = McpCall & { readonly server: string };

/** What a thread tells the engine. Messages travel in arrays, one array a tick. */
export type FromThread =
  | { readonly kind: 'entry'; readonly ref: number; readonly entry: EntryDraft }
  | { readonly kind: 'finding'; readonly ref: number; readonly finding: FindingInput }
  | ({ readonly kind: 'permit'; readonly ref: number } & PermitAsk)
  /** A call of a limited side, `erp` or `tool:finance.hold.place`, asks to begin; `id` is the job's own number for it. */
  | { readonly kind: 'enter'; readonly ref: number; readonly id: number; readonly side: string }
  /** A call that began has ended. */
  | { readonly kind: 'leave'; readonly ref: number; readonly id: number }
  /** A tool calls one of an MCP server's tools; `id` is the job's own number for the call, which the engine answers once. */
  | { readonly kind: 'mcp'; readonly ref: number; readonly id: number; readonly call: RoutedCall }
  /** Nobody waits any more for what a call would bring. */
  | { readonly kind: 'mcp-cancel'; readonly ref: number; readonly id: number }
  /** What a model has just said; only while somebody watches. */
  | { readonly kind: 'delta'; readonly ref: number; readonly text: string }
  /** The model call that was permitted last leaves for its provider. */
  | { readonly kind: 'sent'; readonly ref: number }
  | { readonly kind: 'turn'; readonly ref: number; readonly done: TurnDone }
  | { readonly kind: 'intent'; readonly ref: number; readonly intent: SentIntent }
  | {
      readonly kind: 'effected';
      readonly ref: number;
      readonly key: string;
      readonly state: EffectState;
      readonly outcome: unknown;
      /** The approval that is used up with it; only where it still holds does the effect begin. */
      readonly approval?: string;
    }
  | { readonly kind: 'done'; readonly ref: number; readonly done: JobDone };

/** How an attempt ended, as its thread saw it. */
export type JobDone = { readonly degraded: boolean; readonly trust: Trust } & (
  | { readonly kind: 'succeeded' /** JSON */; readonly output: string }
  | { readonly kind: 'failed'; readonly error: ErrorData }
);

/** What became of an MCP call. */
export type McpAnswer = { readonly result: McpResult } | { readonly error: ErrorData };

/** What the engine answers or tells a job that runs. */
export type Answer =
  /** `target`: where the call goes, a place in the chain of the agent's profile. @default the first */
  | { readonly kind: 'granted'; readonly ref: number; readonly target?: number }
  | { readonly kind: 'denied'; readonly ref: number; readonly error: ErrorData }
  | {
      readonly kind: 'begun';
      readonly ref: number;
      readonly key: string;
      readonly known: EffectRecord | null;
      /** Until when it may be written without another look at the stops, ms of the machine's monotonic clock. @default not at all */
      readonly clearUntilMs?: number;
    }
  /** `isLate`: the approval that was to be used up holds no more, and nothing has changed. */
  | {
      readonly kind: 'ended';
      readonly ref: number;
      readonly key: string;
      readonly isLate?: boolean;
      /** As in `begun`. */
      readonly clearUntilMs?: number;
    }
  /** What is begun anew must not happen: something stops it. */
  | {
      readonly kind: 'stopped';
      readonly ref: number;
      readonly key: string;
      readonly error: ErrorData;
    }
  | { readonly kind: 'entered'; readonly ref: number; readonly id: number }
  /** What an MCP call has brought. */
  | {
      readonly kind: 'mcp-answered';
      readonly ref: number;
      readonly id: number;
      readonly answer: McpAnswer;
    }
  | { readonly kind: 'cancel'; readonly ref: number; readonly error: ErrorData };

/** What threads load. */
export interface DeclaredModules {
  /** Beside those that the configuration names, in the order of their loading. */
  readonly modules: readonly ModuleRef[];
  /** Digest of the registry that comes of it; a thread that comes to anything else refuses it. */
  readonly digest: string;
}

/** What the engine sends to a thread. */
export type ToThread =
  | { readonly kind: 'go'; readonly job: Job }
  /** Jobs that follow find this declared; what runs goes on with what it has. */
  | ({ readonly kind: 'declare' } & DeclaredModules)
  /** Whether somebody wants to see what models say while they say it. */
  | { readonly kind: 'watch'; readonly isOn: boolean }
  | Answer;

/** What a dispatcher tells the engine. */
export interface DispatchEvents {
  messages(batch: readonly FromThread[]): void;
  /** A job that may have waited for its turn is on its way. */
  begins?(ref: number): void;
  /** The thread under a job died. `suspect`: it was this job's turn when it did; null: only the way to it was lost, which proves nothing. */
  lost(ref: number, reason: string, suspect: boolean | null): void;
}

/** Other machines that agents run on, as an engine sees them. */
export interface MachinesHealth {
  /** Where this engine listens for them. */
  readonly port: number;
  /** Each is a lane, of which a machine may have several. */
  readonly lanes: readonly {
    /** The name in its certificate. */
    readonly machine: string;
    readonly pools: readonly string[];
    /** It takes jobs. */
    readonly isReady: boolean;
    /** Jobs that it has. */
    readonly running: number;
  }[];
  /** Jobs that wait for a machine, by pool. */
  readonly waiting: Readonly<Record<string, number>>;
}

/** How many threads there are, and how many should be. */
export interface DispatcherHealth {
  /** Threads that there should be now. */
  readonly lanes: number;
  /** From how many to how many there may be, as there is work. @default always as many */
  readonly least?: number;
  readonly most?: number;
  /** Threads that take work now. */
  readonly ready: number;
  /** Threads that were given up and have not ended: each burns a core until what it runs returns. */
  readonly zombies: number;
  /** Processes of agents that are kept apart. @default none */
  readonly apart?: number;
  /** Other machines. @default nothing listens for any */
  readonly machines?: MachinesHealth;
  /** Threads that were opened in place of others, since it began. @default unknown */
  readonly restarts?: number;
}

/** Where attempts run. Two methods matter, `run` and `cancel`; the rest is a job's conversation with the engine. */
export interface Dispatcher {
  /** Opens the lanes; their agents ask `lease` before they write outside. @throws MODULE_INVALID when a thread cannot load the modules · ENGINE_STOPPED */
  start(events: DispatchEvents, lease: LeaseClock): Promise<void>;
  readonly health: DispatcherHealth;
  /** Sends a job off; returns the name of the worker that has it. */
  run(job: Job): string;
  tell(message: Answer): void;
  /** Jobs that wait for a machine or a process, by ref. @default none does */
  readonly awaiting?: ReadonlyMap<number, JobWait>;
  /** Ends a job from outside; it answers with `done`, failed with this error. */
  cancel(ref: number, error: ErrorData): void;
  /** Whether threads tell what models say while they say it. @default they never do */
  watch?(isOn: boolean): void;
  /** Has every thread, and those that come, load other modules than before. @throws MODULE_INVALID when one could not: then all are as they were */
  declare?(declared: DeclaredModules): Promise<void>;
  /** Ends every lane. Jobs that still run are dropped: the journal has what they achieved. */
  stop(): Promise<void>;
}
