import type { z } from 'zod';
import type { AnyAgent } from './agent.ts';
import type { EntityName, Row } from './entity.ts';
import type { Bounds, Join, Routed } from './node.ts';
import type { Mapped, QueryRef, Ref, Unmapped, When } from './ref.ts';
import type { AnyTool, Effected, Tool } from './tool.ts';
import type { Workflow } from './workflow.ts';

/** What a node can be placed after: a node, or a case of a switch. */
export interface Place {
  readonly id: string;
}

/** A node as later nodes refer to it. */
export interface NodeRef<O> extends Place {
  /** The output of a task or a reduce; of a foreach, the list of its items' outputs, one or more an item. */
  readonly output: Ref<O>;
}
/** A foreach as later nodes refer to it. */
export interface ForeachRef<O> extends NodeRef<readonly O[]> {
  readonly foreach: true;
}
/** A switch as later nodes refer to it: `after: [route.case('high')]`. */
export interface SwitchRef<C extends string> extends NodeRef<{ readonly case: C }> {
  case(chosen: C): Place;
}

type Input<A extends AnyAgent> = z.input<A['input']>;
type Output<A extends AnyAgent> = z.output<A['output']>;

/** Where a node stands, and when it starts. */
export interface Placing {
  /** Lower snake case, unique in its graph. */
  readonly id: string;
  /** What must end first, besides the nodes that its expressions mention. */
  readonly after?: readonly Place[];
  /** @default 'all_succeeded' */
  readonly join?: Join;
  /** Its own condition: when it does not hold, the node is skipped. @default it starts */
  readonly when?: When;
}

/** What a node weighs among others. */
export interface Weighing {
  /** 1 (whenever) to 10 (first). @default its agent's */
  readonly priority?: number;
  /** Whether a run without it has failed. @default its agent's */
  readonly critical?: boolean;
}

/** One agent, once. */
export interface TaskOptions<A extends AnyAgent> extends Placing, Weighing, Bounds, Routed {
  readonly agent: A;
  readonly input: Mapped<Input<A>>;
}

/** One tool, once, without a model. */
export interface ToolOptions<T extends AnyTool>
  extends Placing,
    Weighing,
    Omit<Bounds, 'costMicroUsd'>,
    Routed {
  readonly tool: T;
  readonly args: Mapped<z.input<T['parameters']>>;
}

/** What a tool node brings: of an effect, what became of it. A refused one fails the node. */
export type ToolOutput<T extends AnyTool> =
  T extends Tool<infer _P, infer R, infer E>
    ? [E] extends ['read']
      ? z.output<R>
      : Exclude<Effected<z.output<R>>, { readonly kind: 'refused' }>
    : never;

/** A value that expressions make. */
export interface ComputeOptions<M> extends Placing {
  /** Nodes whose outputs are `items`; `missing` counts those that did not succeed. */
  readonly from?: readonly NodeRef<unknown>[];
  readonly value: M | ((over: Over) => M);
}
/** What a compute with `from` sees. */
export interface Over {
  readonly items: Ref<readonly unknown[]>;
  readonly missing: Ref<number>;
}

export interface SwitchOptions<C extends string, D extends string> extends Placing {
  /** Asked in this order; the first that holds is chosen. */
  readonly cases: Readonly<Record<C, When>>;
  /** Chosen when none holds. @default the node is skipped then */
  readonly otherwise?: D;
}

/** Asks people; holds nothing meanwhile. */
export interface ApprovalOptions extends Placing {
  /** One sentence. */
  readonly title: string | Ref<string>;
  /** What they are shown. @default nothing but the title */
  readonly show?: unknown;
  /** Who may decide: names of roles or persons. */
  readonly by: readonly string[];
  /** Yeses of different people. @default 1 */
  readonly required?: number;
  /** ISO 8601 duration. @default 'P1D' */
  readonly expires?: string;
  /** Who may decide as well once nobody has within `after`, an ISO 8601 duration. @default nobody */
  readonly escalate?: { readonly after: string; readonly to: readonly string[] };
  /** @default 'fail' */
  readonly onRefusal?: 'fail' | 'skip';
}
/** What an approval brings. */
export interface Approved {
  readonly by: readonly string[];
  readonly note: string | null;
}

interface WaitForEvent<E extends EntityName> {
  /** The entity whose events count. */
  readonly event: E;
  readonly match?: (event: Ref<ErpHappening<E>>) => When;
  /** ISO 8601 duration after which the node fails. */
  readonly timeout: string;
}
/** An ERP event as a wait sees it. */
export interface ErpHappening<E extends EntityName> {
  readonly entity: E;
  readonly id: string;
  readonly version: string;
  /** The record as it is when the event is looked at. */
  readonly record: Row<E>;
}
type WaitFor<E extends EntityName> =
  /** ISO 8601 duration */
  | { readonly duration: string }
  /** RFC 3339 */
  | { readonly moment: Ref<string> }
  /** A moment of the company's fiscal calendar such as `BD+1`, at a local `HH:MM`. */
  | { readonly calendar: string; readonly time: string; readonly company?: string | Ref<string> }
  | WaitForEvent<E>;

interface ForeachCommon<R> extends Placing {
  readonly items: QueryRef<R> | Ref<readonly R[]>;
  readonly key: (item: Ref<R>) => Ref<string>;
  /** Items, or batches, at once. @default no limit of its own */
  readonly concurrency?: number;
  /** @default 'stop': a failed item fails the node, and items that have not started are skipped */
  readonly onItemFailure?: 'continue' | 'stop';
}

/** How items are put together, so that one step works on several. */
export interface Batching<R> {
  /** Items of one value go together. @default all of them do */
  readonly by?: (item: Ref<R>) => Ref<unknown>;
  /** Items in one step. */
  readonly most: number;
}
/** What an agent that works on batches brings for each item: it hands in `{ results }`, one an item, each with the item's `key`. */
type Result<A extends AnyAgent> =
  Output<A> extends { readonly results: readonly (infer E extends { readonly key: string })[] }
    ? E
    : never;

type WorkflowInput<W> = W extends Workflow<infer I, unknown> ? z.input<I> : never;
type WorkflowOutput<W> = W extends Workflow<z.ZodType, infer O> ? O : never;

/** Builds the graph that each item goes through. */
export interface ItemGraph {
  task<A extends AnyAgent>(options: TaskOptions<A>): NodeRef<Output<A>>;
  tool<T extends AnyTool>(options: ToolOptions<T>): NodeRef<ToolOutput<T>>;
  compute<const M>(options: ComputeOptions<M>): NodeRef<Unmapped<M>>;
  gate(options: Placing & { readonly when: When }): NodeRef<null>;
  /** A switch: one of several cases is chosen. */
  choose<C extends string, D extends string = never>(
    options: SwitchOptions<C, D>,
  ): SwitchRef<C | D>;
  approval(options: ApprovalOptions): NodeRef<Approved>;
  wait<E extends EntityName>(
    options: Placing & { readonly for: WaitFor<E> },
  ): NodeRef<ErpHappening<E> | null>;
  /** A run of another workflow, paid from this run's budget. */
  workflow<W extends Workflow>(
    options: Placing & {
      readonly workflow: W;
      readonly input: Mapped<WorkflowInput<W>>;
      readonly critical?: boolean;
    },
  ): NodeRef<WorkflowOutput<W>>;
}

type Element<F> = F extends ForeachRef<infer O> ? O : F extends NodeRef<infer O> ? O : never;

/** Builds a workflow's graph; each call adds a node. References between nodes are dependencies. */
export interface Graph<I> extends ItemGraph {
  readonly input: Ref<I>;
  /** The run's own facts. */
  readonly run: Ref<{ readonly today: string; readonly company: string }>;
  /** An agent that works on several items in one step; a failed step fails all of its items. */
  foreach<R, A extends AnyAgent>(
    options: ForeachCommon<R> &
      Weighing &
      Bounds &
      Routed & {
        readonly batch: Batching<R>;
        readonly agent: A;
        readonly input: (items: Ref<R[]>) => Mapped<Input<A>>;
      } & ([Result<A>] extends [never] ? { readonly agent: never } : unknown),
  ): ForeachRef<Result<A>>;
  foreach<R, A extends AnyAgent>(
    options: ForeachCommon<R> &
      Weighing &
      Bounds &
      Routed & { readonly agent: A; readonly input: (item: Ref<R>) => Mapped<Input<A>> },
  ): ForeachRef<Output<A>>;
  foreach<R, O>(
    options: ForeachCommon<R> & {
      readonly each: (graph: ItemGraph, item: Ref<R>) => NodeRef<O> | readonly NodeRef<O>[];
    },
  ): ForeachRef<O>;
  /** `from`'s outputs become the agent's `items`; a foreach counts as its items' outputs. */
  reduce<const F extends NodeRef<unknown> | readonly NodeRef<unknown>[], A extends AnyAgent>(
    options: Placing &
      Weighing &
      Bounds &
      Routed & { readonly from: F; readonly agent: A } & (Input<A> extends {
        readonly items: readonly (infer E)[];
      }
        ? (F extends readonly NodeRef<unknown>[] ? Element<F[number]> : Element<F>) extends E
          ? unknown
          : { readonly from: never }
        : { readonly agent: never }),
  ): NodeRef<Output<A>>;
}
