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
  /** Node ids that must end first, references in expressions included. */
  readonly after: readonly string[];
  readonly join: Join;
}

/** One agent, once. */
export interface TaskNode extends NodeBase {
  readonly kind: 'task';
  readonly agent: string;
  readonly input: Template;
  readonly priority: number | null;
  readonly critical: boolean | null;
}

/** A graph of tasks for each item; items go through it independently of each other. */
export interface ForeachNode extends NodeBase {
  readonly kind: 'foreach';
  readonly items: QueryTemplate | Cel;
  /** The item's identity, unique in the node; step paths and idempotency keys carry it, so never an index. */
  readonly key: Cel;
  readonly body: readonly TaskNode[];
  /** The body's nodes whose outputs are the item's outputs. */
  readonly outputs: readonly string[];
  /** Items at once; null = no limit of its own. */
  readonly concurrency: number | null;
  readonly onItemFailure: 'continue' | 'stop';
}

/** One agent over the outputs of other nodes; its input is `{ items, missing }`. */
export interface ReduceNode extends NodeBase {
  readonly kind: 'reduce';
  readonly from: readonly string[];
  readonly agent: string;
  readonly priority: number | null;
  readonly critical: boolean | null;
}

/** Lets what comes after it start only when a condition holds; else it and they are skipped. */
export interface GateNode extends NodeBase {
  readonly kind: 'gate';
  readonly when: Cel;
}

export type Node = TaskNode | ForeachNode | ReduceNode | GateNode;

/** A workflow as data: what a run pins. */
export interface WorkflowData {
  readonly name: string;
  /** ISO 8601 duration from the run's start, or null. */
  readonly deadline: string | null;
  readonly budgetMicroUsd: number | null;
  /** Whether failed critical steps leave the run `partial` instead of `failed`. */
  readonly partial: boolean;
  /** Running steps of one run at once; null = the engine's limit. */
  readonly concurrency: number | null;
  readonly nodes: readonly Node[];
}
