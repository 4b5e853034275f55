import type { RetryPolicy } from './recovery.ts';

/** An expression in CEL (https://cel.dev). In templates it stands as `{ cel: '…' }`, so that it cannot be taken for text. */
export interface Cel {
  readonly cel: string;
}

/** JSON in which expressions may stand at any place. */
export type Template =
  | Cel
  | null
  | boolean
  | number
  | string
  | readonly Template[]
  | { readonly [key: string]: Template };

/**
 * When a step may start, seen from what it waits for: `all_succeeded` (default), `all_done` however they ended, or `any`
 * (the first success). docs/workflows.md has the table, one test a cell.
 */
export type Join = 'all_succeeded' | 'all_done' | 'any';

/** A query whose rows a foreach runs over. */
export interface QueryTemplate {
  readonly entity: string;
  readonly filter: Template;
  readonly order: readonly { readonly field: string; readonly descending?: boolean }[];
}

interface NodeBase {
  readonly id: string;
  /** Node ids that must end first, references in expressions included. `route.high` is the case `high` of the switch `route`. */
  readonly after: readonly string[];
  readonly join: Join;
  /** Its own condition, asked when it could start; when it does not hold the node is skipped. @default it starts */
  readonly when?: Cel;
}

interface Weighed {
  readonly priority: number | null;
  readonly critical: boolean | null;
}

/** How long and how often a node tries. Each member replaces what its agent or tool says. */
export interface Bounds {
  /** Of one attempt, milliseconds. */
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  /** Micro-USD that the step may spend. */
  readonly costMicroUsd?: number;
}

/** Where a node's tools reach what lies outside. */
export interface Routed {
  /** The MCP server of calls that name none: a name in `mcp.servers` of the configuration. @default `mcp.defaultServer` */
  readonly server?: string;
}

/** One agent, once. */
export interface TaskNode extends NodeBase, Weighed, Bounds, Routed {
  readonly kind: 'task';
  readonly agent: string;
  readonly input: Template;
}

/** One tool, once, without a model; guarded like any other call. */
export interface ToolNode extends NodeBase, Weighed, Omit<Bounds, 'costMicroUsd'>, Routed {
  readonly kind: 'tool';
  readonly tool: string;
  readonly args: Template;
}

/** What may stand in the graph of an item. */
export type ItemNode =
  | TaskNode
  | ToolNode
  | GateNode
  | SwitchNode
  | ComputeNode
  | ApprovalNode
  | WaitNode
  | WorkflowNode;

/** How items of a foreach are put together, so that its agent works on several in one step. */
export interface ItemBatches {
  /** Items of one value, whatever it is, go together. @default all of them do */
  readonly by?: Cel;
  /** Items in one step; the rest of a value make further ones. */
  readonly most: number;
}

/** A graph for each item, or for each batch of them; they go through it independently of each other. */
export interface ForeachNode extends NodeBase {
  readonly kind: 'foreach';
  readonly items: QueryTemplate | Cel;
  /** The item's identity, unique in the node; step paths and idempotency keys carry it, so never an index. */
  readonly key: Cel;
  readonly body: readonly ItemNode[];
  /** The body's nodes whose outputs are the item's outputs. */
  readonly outputs: readonly string[];
  /**
   * The body is one agent then, which is given `items` instead of `item` and answers with `{ results }`, one an item, each with the
   * item's `key`; a step has the key of its first item. @default each item by itself
   */
  readonly batch?: ItemBatches;
  /** Items, or batches, at once; null = no limit of its own. */
  readonly concurrency: number | null;
  readonly onItemFailure: 'continue' | 'stop';
}

/** One agent over the outputs of other nodes; its input is `{ items, missing }`. */
export interface ReduceNode extends NodeBase, Weighed, Bounds, Routed {
  readonly kind: 'reduce';
  readonly from: readonly string[];
  readonly agent: string;
}

/**
 * A value made by expressions alone, over whatever they mention; with `from` also over `items`, the outputs of those nodes, and
 * `missing`, how many of them there are not: a reduce by function.
 */
export interface ComputeNode extends NodeBase {
  readonly kind: 'compute';
  readonly from: readonly string[];
  readonly value: Template;
}

/** Lets what comes after it start only when a condition holds; else it and they are skipped. */
export interface GateNode extends NodeBase {
  readonly kind: 'gate';
  readonly when: Cel;
}

/**
 * Chooses one of its cases: the first whose condition holds, else `otherwise`. What comes after a case (`route.high`) starts only
 * when that was chosen; without a choice the node is skipped. Its output is `{ case }`.
 */
export interface SwitchNode extends NodeBase {
  readonly kind: 'switch';
  readonly cases: readonly { readonly id: string; readonly when: Cel }[];
  readonly otherwise: string | null;
}

/**
 * Asks people whether the run may go on from here. Holds nothing while it waits. Granted, it succeeds with `{ by, note }`; refused or
 * expired, it fails, or is skipped like a closed gate where `onRefusal` says so.
 */
export interface ApprovalNode extends NodeBase {
  readonly kind: 'approval';
  /** What is asked, one sentence; an expression gives a text. */
  readonly title: Cel | string;
  /** What the people are shown. */
  readonly show: Template;
  /** Who may decide: names of roles or persons. */
  readonly by: readonly string[];
  /** Yeses that it takes, of different people. */
  readonly required: number;
  /** ISO 8601 duration until it counts as refused. */
  readonly expires: string;
  /** Who may decide as well once nobody has within `after`, an ISO 8601 duration. @default nobody */
  readonly escalate?: { readonly after: string; readonly to: readonly string[] };
  readonly onRefusal: 'fail' | 'skip';
}

/** What a wait waits for. */
export type Awaited =
  /** ISO 8601 duration from when it starts to wait. */
  | { readonly kind: 'duration'; readonly duration: string }
  /** An RFC 3339 moment that an expression gives. */
  | { readonly kind: 'moment'; readonly at: Cel }
  /** A moment of a company's fiscal calendar, such as `BD+1` or `PERIOD_CLOSE-2BD`, at a local time. */
  | {
      readonly kind: 'calendar';
      readonly moment: string;
      /** `HH:MM` */
      readonly time: string;
      /** @default the run's company */
      readonly company?: Cel | string;
    }
  /** An ERP event; `match` is asked with `event` in scope. */
  | {
      readonly kind: 'event';
      readonly entity: string;
      readonly match?: Cel;
      /** ISO 8601 duration after which it fails. */
      readonly timeout: string;
    };

/** Waits, and holds nothing meanwhile. Its output is the event, else null. */
export interface WaitNode extends NodeBase {
  readonly kind: 'wait';
  readonly for: Awaited;
}

/** A run of another workflow, paid from this run's budget; its output is that workflow's. */
export interface WorkflowNode extends NodeBase, Pick<Weighed, 'critical'> {
  readonly kind: 'workflow';
  readonly workflow: string;
  readonly input: Template;
}

export type Node =
  | TaskNode
  | ToolNode
  | ForeachNode
  | ReduceNode
  | ComputeNode
  | GateNode
  | SwitchNode
  | ApprovalNode
  | WaitNode
  | WorkflowNode;

/** A workflow as data: what a run pins. */
export interface WorkflowData {
  readonly name: string;
  /** What it is for, one sentence. */
  readonly description?: string;
  /** What its runs are for, in words, where nobody says otherwise. @default they have no goal */
  readonly goal?: string;
  /** The input as a JSON Schema (2020-12). @default anything: a release before it could be stored has made it */
  readonly input?: Readonly<Record<string, unknown>>;
  /** What a run brings, over `nodes` and `input`. @default nothing */
  readonly output?: Template;
  /** ISO 8601 duration from the run's start, or null. */
  readonly deadline: string | null;
  readonly budgetMicroUsd: number | null;
  /** Whether failed critical steps leave the run `partial` instead of `failed`. */
  readonly partial: boolean;
  /** What follows when a run fails or is cancelled: `undo` takes its effects back. @default nothing: what was done stays */
  readonly onFailure?: 'undo';
  /** Running steps of one run at once; null = the engine's limit. */
  readonly concurrency: number | null;
  readonly nodes: readonly Node[];
}

/** What does something where a node stands: a foreach has its body for that. */
type Doer<N> = N extends { readonly kind: 'foreach'; readonly body: readonly (infer B)[] } ? B : N;

/** The nodes of a workflow, declared or compiled, that do something: of a foreach those of its body. */
export function doersIn<N extends { readonly kind: string }>(
  nodes: readonly N[],
): readonly Doer<N>[] {
  return nodes.flatMap((node) => ('body' in node ? node.body : [node]) as readonly Doer<N>[]);
}
