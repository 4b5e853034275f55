import type { Awaited as AwaitedData, Bounds, Join, QueryTemplate } from '../../sdk/node.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Edges } from './edges.ts';
import type { Expression } from './expression.ts';
import type { Sources } from './sources.ts';
import type { Filler } from './template.ts';

interface Compiled extends Edges {
  readonly id: string;
  readonly join: Join;
  /** Its own condition; null: none. */
  readonly when: Expression | null;
  /** Where its data comes from. */
  readonly sources: Sources;
}

/** An agent at its place in a graph. */
export interface AgentPlace {
  readonly agent: string;
  readonly module: string;
  readonly priority: number;
  readonly critical: boolean;
  readonly bounds: Bounds;
  /** The MCP server of calls that name none. @default the configuration's */
  readonly server?: string;
  /** The agent itself, in the version that the run keeps, where people have made it. @default the loaded one of this name */
  readonly made?: RegisteredAgent;
}

/** One agent, or one tool by the agent that does nothing but call it. */
export interface CompiledTask extends Compiled, AgentPlace {
  readonly kind: 'task' | 'tool';
  readonly input: Filler;
}
export interface CompiledReduce extends Compiled, AgentPlace {
  readonly kind: 'reduce';
  readonly from: readonly number[];
}
export interface CompiledCompute extends Compiled {
  readonly kind: 'compute';
  readonly from: readonly number[];
  readonly value: Filler;
}
export interface CompiledGate extends Compiled {
  readonly kind: 'gate';
}
export interface CompiledSwitch extends Compiled {
  readonly kind: 'switch';
  readonly choices: readonly { readonly id: string; readonly when: Expression }[];
  readonly otherwise: string | null;
}
export interface CompiledApproval extends Compiled {
  readonly kind: 'approval';
  readonly title: Filler;
  readonly show: Filler;
  readonly by: readonly string[];
  readonly required: number;
  readonly expiresMs: number;
  /** Who may decide as well after a while; null: nobody. */
  readonly escalate: { readonly afterMs: number; readonly to: readonly string[] } | null;
  readonly onRefusal: 'fail' | 'skip';
}
/** What a wait waits for, its expressions parsed and its durations in milliseconds. */
export type CompiledAwaited =
  | { readonly kind: 'duration'; readonly ms: number }
  | { readonly kind: 'moment'; readonly at: Expression }
  | {
      readonly kind: 'calendar';
      readonly moment: string;
      readonly time: string;
      readonly company: Filler | null;
    }
  | {
      readonly kind: 'event';
      readonly entity: string;
      readonly match: Expression | null;
      readonly timeoutMs: number;
    };
export interface CompiledWait extends Compiled {
  readonly kind: 'wait';
  readonly for: CompiledAwaited & { readonly kind: AwaitedData['kind'] };
}
export interface CompiledWorkflow extends Compiled {
  readonly kind: 'workflow';
  readonly workflow: string;
  readonly input: Filler;
  readonly critical: boolean;
}
export interface CompiledForeach extends Compiled {
  readonly kind: 'foreach';
  readonly items:
    | { readonly kind: 'query'; readonly query: QueryTemplate; readonly filter: Filler }
    | {
        readonly kind: 'value';
        readonly value: Expression;
        /** The foreach whose outputs they are, one by one; null: a list made otherwise. */
        readonly outputsOf: string | null;
      };
  readonly key: Expression;
  /** Where keys, and what puts items together, come from. */
  readonly itemSources: Sources;
  /** Each item's own graph; dependencies are indexes within it. */
  readonly body: readonly CompiledItemNode[];
  /** Indexes within the body of the nodes whose outputs are the item's. */
  readonly outputs: readonly number[];
  /** How items are put together, for the one agent of the body; null: each goes by itself. */
  readonly batch: { readonly by: Expression | null; readonly most: number } | null;
  readonly concurrency: number;
  readonly onItemFailure: 'continue' | 'stop';
}

/** What an item goes through. */
export type CompiledItemNode =
  | CompiledTask
  | CompiledCompute
  | CompiledGate
  | CompiledSwitch
  | CompiledApproval
  | CompiledWait
  | CompiledWorkflow;
export type CompiledNode = CompiledItemNode | CompiledReduce | CompiledForeach;

/** A workflow ready to run: nodes in declaration order, edges as indexes, expressions parsed. */
export interface Graph {
  readonly name: string;
  readonly partial: boolean;
  /** @default nothing */
  readonly onFailure?: 'undo';
  readonly concurrency: number;
  readonly budgetMicroUsd: number | null;
  /** Milliseconds from the run's start, or null. */
  readonly deadlineMs: number | null;
  readonly nodes: readonly CompiledNode[];
  /** Of each node the ids of those whose outputs it looks at, until it has ended. */
  readonly reads: readonly (readonly string[])[];
  /** Where each node stands among them, by its id. */
  readonly places: ReadonlyMap<string, number>;
  /** What a run brings; null: nothing. */
  readonly output: Filler | null;
  /** Where that comes from. */
  readonly outputSources: Sources;
}

/** Whether an agent does a node: it is queued, runs on a thread, and costs. */
export function isAgentPlace(node: CompiledNode): node is CompiledTask | CompiledReduce {
  return node.kind === 'task' || node.kind === 'tool' || node.kind === 'reduce';
}
