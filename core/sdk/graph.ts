import type { z } from 'zod';
import type { AnyAgent } from './agent.ts';
import type { Join, Node, TaskNode, Template } from './node.ts';
import {
  expression,
  isQuery,
  type Mapped,
  type QueryRef,
  type Ref,
  refTo,
  toTemplate,
  type When,
} from './ref.ts';

/** A node as later nodes refer to it. */
export interface NodeRef<O> {
  readonly id: string;
  /** The output of a task or a reduce; of a foreach, the list of its items' outputs, one or more an item. */
  readonly output: Ref<O>;
}
/** A foreach as later nodes refer to it. */
export interface ForeachRef<O> extends NodeRef<readonly O[]> {
  readonly foreach: true;
}

type Input<A extends AnyAgent> = z.input<A['input']>;
type Output<A extends AnyAgent> = z.output<A['output']>;

interface Placing {
  readonly id: string;
  readonly after?: readonly NodeRef<unknown>[];
  readonly join?: Join;
}
interface Weighing {
  readonly priority?: number;
  readonly critical?: boolean;
}

/** One agent, once. */
export interface TaskOptions<A extends AnyAgent> extends Placing, Weighing {
  readonly agent: A;
  readonly input: Mapped<Input<A>>;
}

interface ForeachCommon<R> extends Placing {
  readonly items: QueryRef<R> | Ref<readonly R[]>;
  readonly key: (item: Ref<R>) => Ref<string>;
  /** @default no limit of its own */
  readonly concurrency?: number;
  /** @default 'stop': a failed item fails the node, and items that have not started are skipped */
  readonly onItemFailure?: 'continue' | 'stop';
}

/** Builds the graph that each item goes through. */
export interface ItemGraph {
  task<A extends AnyAgent>(options: TaskOptions<A>): NodeRef<Output<A>>;
}

type Element<F> = F extends ForeachRef<infer O> ? O : F extends NodeRef<infer O> ? O : never;

/** Builds a workflow's graph; each call adds a node. References between nodes are dependencies. */
export interface Graph<I> {
  readonly input: Ref<I>;
  /** The run's own facts. */
  readonly run: Ref<{ readonly today: string; readonly company: string }>;
  task<A extends AnyAgent>(options: TaskOptions<A>): NodeRef<Output<A>>;
  foreach<R, A extends AnyAgent>(
    options: ForeachCommon<R> &
      Weighing & { readonly agent: A; readonly input: (item: Ref<R>) => Mapped<Input<A>> },
  ): ForeachRef<Output<A>>;
  foreach<R, O>(
    options: ForeachCommon<R> & {
      readonly each: (graph: ItemGraph, item: Ref<R>) => NodeRef<O> | readonly NodeRef<O>[];
    },
  ): ForeachRef<O>;
  /** `from`'s outputs become the agent's `items`; a foreach counts as its items' outputs. */
  reduce<const F extends NodeRef<unknown> | readonly NodeRef<unknown>[], A extends AnyAgent>(
    options: Placing &
      Weighing & { readonly from: F; readonly agent: A } & (Input<A> extends {
        readonly items: readonly (infer E)[];
      }
        ? (F extends readonly NodeRef<unknown>[] ? Element<F[number]> : Element<F>) extends E
          ? unknown
          : { readonly from: never }
        : { readonly agent: never }),
  ): NodeRef<Output<A>>;
  gate(options: Placing & { readonly when: When }): NodeRef<null>;
}

type NameOf = (agent: AnyAgent) => string;

/** Runs a graph function once against recording proxies and returns its nodes, in order of their calls. @throws WORKFLOW_INVALID */
export function recordGraph(
  workflow: string,
  graph: (graph: Graph<unknown>) => void,
  nameOf: NameOf,
): readonly Node[] {
  const nodes: Node[] = [];
  const add = (node: Node): NodeRef<unknown> => {
    nodes.push(node);
    return nodeRef(node.id);
  };
  graph({
    input: refTo('input'),
    run: refTo('run'),
    task: (options: TaskOptions<AnyAgent>) => add(taskNode(workflow, options, nameOf)),
    foreach: (options: ForeachOptions) => add(foreachNode(workflow, options, nameOf)),
    reduce: (options: ReduceOptions) => add(reduceNode(options, nameOf)),
    gate: (options: Placing & { readonly when: When }) => {
      const when = expression(options.when, `${workflow}.${options.id}.when`);
      return add({ kind: 'gate', id: options.id, ...placed(options, when), when });
    },
  } as never);
  return nodes;
}

type ForeachOptions = ForeachCommon<unknown> &
  Weighing & {
    readonly agent?: AnyAgent;
    readonly input?: (item: Ref<unknown>) => unknown;
    readonly each?: (
      graph: ItemGraph,
      item: Ref<unknown>,
    ) => NodeRef<unknown> | readonly NodeRef<unknown>[];
  };
type ReduceOptions = Placing &
  Weighing & {
    readonly from: NodeRef<unknown> | readonly NodeRef<unknown>[];
    readonly agent: AnyAgent;
  };

function taskNode(path: string, options: TaskOptions<AnyAgent>, nameOf: NameOf): TaskNode {
  const input = toTemplate(options.input, `${path}.${options.id}.input`);
  return {
    kind: 'task',
    id: options.id,
    ...placed(options, input),
    agent: nameOf(options.agent),
    input,
    ...weighed(options),
  };
}

function foreachNode(workflow: string, options: ForeachOptions, nameOf: NameOf): Node {
  const path = `${workflow}.${options.id}`;
  const item = refTo<unknown>('item');
  const body: TaskNode[] = [];
  const task = (inner: TaskOptions<AnyAgent>): NodeRef<unknown> => {
    body.push(taskNode(path, inner, nameOf));
    return { id: inner.id, output: refTo(`each.${inner.id}.output`) };
  };
  const output = options.each
    ? options.each({ task } as ItemGraph, item)
    : task({
        ...weighed(options),
        id: options.id,
        agent: options.agent,
        input: options.input?.(item),
      } as never);
  const items = isQuery(options.items)
    ? options.items.query
    : expression(options.items, `${path}.items`);
  const { after, join } = placed(options, items as unknown as Template);
  // What an item's task waits for outside of its item, the whole foreach waits for.
  const outside = body
    .flatMap((each) => each.after)
    .filter((id) => body.every((each) => each.id !== id));
  return {
    kind: 'foreach',
    id: options.id,
    join,
    after: unique([...after, ...outside]),
    items,
    key: expression(options.key(item as never), `${path}.key`),
    body,
    outputs: [output].flat().map((each) => (each as NodeRef<unknown>).id),
    concurrency: options.concurrency ?? null,
    onItemFailure: options.onItemFailure ?? 'stop',
  };
}

function reduceNode(options: ReduceOptions, nameOf: NameOf): Node {
  const from = [options.from].flat().map((each) => (each as NodeRef<unknown>).id);
  const { after, join } = placed(options, null);
  return {
    kind: 'reduce',
    id: options.id,
    after: unique([...from, ...after]),
    join,
    from,
    agent: nameOf(options.agent),
    ...weighed(options),
  };
}

function nodeRef(id: string): NodeRef<unknown> {
  return { id, output: refTo(`nodes.${id}.output`) };
}

/** What a node waits for: what it names, and every node that its expressions mention. */
function placed(
  options: Placing,
  expressions: Template,
): { readonly after: readonly string[]; readonly join: Join } {
  const mentioned = [...JSON.stringify(expressions).matchAll(/\b(?:nodes|each)\.(\w+)/g)].map(
    (match) => match[1] as string,
  );
  return {
    after: unique([...(options.after ?? []).map((each) => each.id), ...mentioned]),
    join: options.join ?? 'all_succeeded',
  };
}

function weighed(options: Weighing): {
  readonly priority: number | null;
  readonly critical: boolean | null;
} {
  return { priority: options.priority ?? null, critical: options.critical ?? null };
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}
