import type { Doings, LineageQuestion } from '../ports/db/lineage.ts';
import type { EffectState } from '../ports/db/states.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import type { Connector } from '../ports/erp/connector.ts';
import type { RunReads } from '../ports/erp/known-reads.ts';
import type { OutsideOf } from '../ports/outside.ts';
import type { AnyAgent } from '../sdk/agent.ts';
import type { Authority } from '../sdk/authority.ts';
import type { AnyEntity } from '../sdk/entity.ts';
import type { Policy } from '../sdk/policy/policy.ts';
import type { Decided } from '../sdk/policy/policy-ref.ts';
import type { AnyTool, Posting } from '../sdk/tool.ts';
import type { RoleHolders } from '../sdk/tool-access.ts';
import type { KeyScope } from './effects.ts';
import type { Label } from './labels.ts';

/** Where a step's record goes: in a thread to the engine's journal, in a test to memory. */
export interface Recorder {
  /** One line of the run's journal; `body` becomes a payload: what may hold personal data. */
  entry(kind: string, data: Readonly<Record<string, unknown>>, body?: string): void;
  /** Makes an intent durable before anything happens; answers with what the key already led to, or null. */
  begin(intent: Intent): Promise<EffectRecord | null>;
  /** What became of a started effect; `started` for one that is about to be done anew. */
  end(key: string, state: EffectState, outcome: unknown): Promise<void>;
  /** Whether the stops were looked at within the last second and let the effect happen; `end` with `started` looks again. @default nothing is ever stopped */
  isCleared?(key: string): boolean;
  /** Begins a proposed effect and uses its approval up, both or neither. False: the approval holds no more, and nothing has changed. */
  claim(key: string, approval: string): Promise<boolean>;
}

/** An effect that people have granted, as the step knows it that carries it out. */
export interface Applied {
  readonly key: string;
  /** Id of the approval. */
  readonly approval: string;
  readonly tool: string;
  /** Digests, hex. */
  readonly contract: string;
  readonly argsSha256: string;
  readonly binds: Readonly<Record<string, unknown>> | null;
  /** The agent that proposed it: by its rights it is decided. */
  readonly agent: AnyAgent;
  readonly agentName: string;
  readonly module: string;
  /** Those that had handed it the work. @default nobody had */
  readonly delegators?: readonly string[];
}

/** A side that allows only so many calls: the ERP, or a tool by its name. */
export type LimitedSide = 'erp' | `tool:${string}`;

/** The step on whose behalf tools are called. */
export interface StepScope extends KeyScope {
  readonly agent: AnyAgent;
  /** Qualified: `finance.three_way_match`. */
  readonly agentName: string;
  readonly module: string;
  /** The agents that have handed it the work. @default nobody has */
  readonly delegators?: readonly string[];
  /** What the run is for, as its agent is told. @default nobody has said */
  readonly goal?: string;
  readonly company: string | null;
  /** The journal version of the release that made the run. */
  readonly journal: number;
  readonly attended: boolean;
  /** Whether nothing outside is to happen, nor anything to be stored as if it should. */
  readonly rehearsal: boolean;
  /** What the loaded code says; the versions in force stand before it (`standing.ts`). */
  readonly policies: readonly Policy[];
  /** The persons who hold each role. @default nobody holds any */
  readonly roles?: RoleHolders;
  readonly entities: ReadonlyMap<string, AnyEntity>;
  readonly connector: Connector;
  /** What the run has read of the ERP a moment ago. @default everything is asked for */
  readonly known?: RunReads | undefined;
  /** What lies beyond the ERP, of the step's tenant and node. */
  readonly outside: OutsideOf;
  /** The MCP server of calls that name none, of its node. @default the configuration's */
  readonly server?: string;
  readonly recorder: Recorder;
  /** What its context has read so far, at worst. */
  readonly label: Label;
  /** Waits until a side allows one more call; the call's end is told by what it resolves with. Null: the side is not limited. */
  readonly enter: (side: LimitedSide) => Promise<() => void> | null;
  /** What has been done to documents with certain duties, by anybody, and who asks. @throws DB_* */
  readonly doneTo: (question: LineageQuestion) => Promise<Doings>;
  /** The granted effect that this step carries out; null for one with work of its own. */
  readonly applies: Applied | null;
  /** What is set at run time, no older than a second. @throws DB_* */
  readonly authority: () => Promise<Authority>;
  /** Whether this engine surely still holds its lease: asked last, before anything is written outside. */
  readonly isOwned: () => boolean;
  readonly signal: AbortSignal;
}

/** A tool call under way. */
export interface Call {
  readonly tool: AnyTool;
  readonly scope: StepScope;
  /** The policies by which it is decided: those in force when it began. */
  policies: readonly Policy[];
  /** What was decided about it. @default nothing yet */
  decided?: Decided;
  /** Rows that its handler has read. */
  records: number;
  /** How many of its reads the run's earlier ones answered, and how old the oldest answer was. @default none */
  known?: { readonly reads: number; readonly oldestMs: number };
  /** When it began, milliseconds of the thread's own clock. @default nobody measures it */
  readonly startedMs?: number;
  /** The money that it moves, once somebody has asked. @default none, or nobody has */
  amount?: NonNullable<Intent['amount']>;
  /** What the separation of duties looks at, once it is known. @default nothing yet, or nothing at all */
  lineage?: LineageQuestion & { readonly duty: string };
  /** Where it posts, once the period has been looked at. @default nowhere, or not yet known */
  posting?: Posting;
}
