import type { Doings, LineageQuestion } from '../ports/db/lineage.ts';
import type { EffectState } from '../ports/db/states.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import type { Connector } from '../ports/erp/connector.ts';
import type { AnyAgent } from '../sdk/agent.ts';
import type { AnyEntity } from '../sdk/entity.ts';
import type { Policy } from '../sdk/policy.ts';
import type { AnyTool } from '../sdk/tool.ts';
import type { KeyScope } from './effects.ts';

/** Where a step's record goes: in a thread to the engine's journal, in a test to memory. */
export interface Recorder {
  /** One line of the run's journal. */
  entry(kind: string, data: Readonly<Record<string, unknown>>): void;
  /** Makes an intent durable before anything happens; answers with what the key already led to, or null. */
  begin(intent: Intent): Promise<EffectRecord | null>;
  /** What became of a started effect; `started` for one that is about to be done anew. */
  end(key: string, state: EffectState, outcome: unknown): Promise<void>;
}

/** A side that allows only so many calls: the ERP, or a tool by its name. */
export type LimitedSide = 'erp' | `tool:${string}`;

/** The step on whose behalf tools are called. */
export interface StepScope extends KeyScope {
  readonly agent: AnyAgent;
  /** Qualified: `finance.three_way_match`. */
  readonly agentName: string;
  readonly module: string;
  readonly company: string | null;
  /** The journal version of the release that made the run. */
  readonly journal: number;
  readonly attended: boolean;
  /** Whether nothing outside is to happen, nor anything to be stored as if it should. */
  readonly rehearsal: boolean;
  readonly policies: readonly Policy[];
  readonly entities: ReadonlyMap<string, AnyEntity>;
  readonly connector: Connector;
  readonly recorder: Recorder;
  /** Waits until a side allows one more call; the call's end is told by what it resolves with. Null: the side is not limited. */
  readonly enter: (side: LimitedSide) => Promise<() => void> | null;
  /** What has been done to documents with certain duties, by anybody, and who asks. @throws DB_* */
  readonly doneTo: (question: LineageQuestion) => Promise<Doings>;
  /** Whether this engine surely still holds its lease: asked last, before anything is written outside. */
  readonly isOwned: () => boolean;
  readonly signal: AbortSignal;
}

/** A tool call under way. */
export interface Call {
  readonly tool: AnyTool;
  readonly scope: StepScope;
  /** Rows that its handler has read. */
  records: number;
  /** What the separation of duties looks at, once it is known. @default nothing yet, or nothing at all */
  lineage?: LineageQuestion & { readonly duty: string };
}
