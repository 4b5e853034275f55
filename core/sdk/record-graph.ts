import type { AnyAgent } from './agent.ts';
import { impliedBy, mentionsOf } from './document/document-template.ts';
import type {
  ApprovalOptions,
  Batching,
  ComputeOptions,
  Graph,
  ItemGraph,
  NodeRef,
  Place,
  Placing,
  SwitchOptions,
  TaskOptions,
  ToolOptions,
  Weighing,
} from './graph.ts';
import type {
  Awaited as AwaitedData,
  Bounds,
  Cel,
  ItemBatches,
  ItemNode,
  Node,
  Routed,
  Template,
} from './node.ts';
import { expression, isQuery, type Ref, refTo, toTemplate, type When } from './ref.ts';
import type { AnyTool } from './tool.ts';
import type { Workflow } from './workflow.ts';

type NameOf = (agent: AnyAgent) => string;

/** A graph as data: its nodes in order of their calls, and what the graph function returned. */
export interface RecordedGraph {
  readonly nodes: readonly Node[];
  /** What a run brings. @default nothing */
  readonly output?: Template;
}

/** Runs a graph function once against recording proxies. `nameOf` qualifies an agent. @throws WORKFLOW_INVALID */
export function recordGraph(
  workflow: string,
  graph: (graph: Graph<unknown>) => unknown,
  nameOf: NameOf,
): RecordedGraph {
  const nodes: Node[] = [];
  const at = { path: workflow, nameOf, of: (id: string) => `nodes.${id}.output` };
  const add = (node: Node): NodeRef<unknown> => {
    nodes.push(node);
    return { id: node.id, output: refTo(at.of(node.id)) };
  };
  const output = graph({
    ...itemGraph(at, add),
    input: refTo('input'),
    run: refTo('run'),
    foreach: (options: ForeachOptions) => add(foreachNode(options, at)),
    reduce: (options: ReduceOptions) => add(reduceNode(options, at)),
  } as never);
  return output === undefined
    ? { nodes }
    : { nodes, output: toTemplate(output, `${workflow}.output`) };
}

/** Where a graph is recorded. */
interface At {
  /** For messages. */
  readonly path: string;
  readonly nameOf: NameOf;
  /** The expression of a node's output. */
  readonly of: (id: string) => string;
}

/** The calls that add nodes at the top as in the graph of an item. */
function itemGraph(at: At, add: (node: ItemNode) => NodeRef<unknown>) {
  const { nameOf } = at;
  const text = (value: unknown, { id }: Placing, field: string) =>
    toTemplate(value, `${at.path}.${id}.${field}`);
  return {
    task(options: TaskOptions<AnyAgent>) {
      const input = text(options.input, options, 'input');
      const agent = nameOf(options.agent);
      return add({
        kind: 'task',
        ...placed(options, at, input),
        agent,
        input,
        ...weighed(options),
        ...bounded(options),
        ...routed(options),
      });
    },
    tool(options: ToolOptions<AnyTool>) {
      const args = text(options.args, options, 'args');
      const tool = options.tool.name;
      return add({
        kind: 'tool',
        ...placed(options, at, args),
        tool,
        args,
        ...weighed(options),
        ...bounded(options),
        ...routed(options),
      });
    },
    compute(options: ComputeOptions<unknown>) {
      const from = (options.from ?? []).map(({ id }) => id);
      const over = { items: refTo('items'), missing: refTo('missing') };
      const make = options.value;
      const made = typeof make === 'function' ? (make as (over: unknown) => unknown)(over) : make;
      const value = text(made, options, 'value');
      return add({ kind: 'compute', ...placed(options, at, value), from, value });
    },
    gate(options: Placing & { readonly when: When }) {
      const { when, ...place } = placed(options, at, null);
      return add({ kind: 'gate', ...place, when: when as Cel });
    },
    choose(options: SwitchOptions<string, string>) {
      const cases = Object.entries(options.cases).map(([id, when]) => ({
        id,
        when: expression(when, `${at.path}.${options.id}.cases.${id}`),
      }));
      const { otherwise = null } = options;
      const place = placed(options, at, cases as unknown as Template);
      const ref = add({ kind: 'switch', ...place, cases, otherwise });
      return { ...ref, case: (chosen: string): Place => ({ id: `${options.id}.${chosen}` }) };
    },
    approval(options: ApprovalOptions) {
      const title = text(options.title, options, 'title') as Cel | string;
      const show = text(options.show ?? null, options, 'show');
      const { by, required = 1, expires = 'P1D', onRefusal = 'fail', escalate } = options;
      const place = placed(options, at, [title, show]);
      const asked = { title, show, by, required, expires, ...(escalate && { escalate }) };
      return add({ kind: 'approval', ...place, ...asked, onRefusal });
    },
    wait(options: WaitOptions) {
      const awaited = awaitedBy(options, `${at.path}.${options.id}.for`);
      return add({ kind: 'wait', ...placed(options, at, awaited as never), for: awaited });
    },
    workflow(options: WorkflowOptions) {
      const input = text(options.input, options, 'input');
      const workflow = options.workflow.name;
      const critical = options.critical ?? null;
      return add({ kind: 'workflow', ...placed(options, at, input), workflow, input, critical });
    },
  };
}

type ForeachOptions = Placing &
  Weighing &
  Bounds &
  Routed & {
    readonly items: unknown;
    readonly key: (item: Ref<unknown>) => Ref<string>;
    readonly batch?: Batching<unknown>;
    readonly concurrency?: number;
    readonly onItemFailure?: 'continue' | 'stop';
    readonly agent?: AnyAgent;
    readonly input?: (item: Ref<unknown>) => unknown;
    readonly each?: (
      graph: ItemGraph,
      item: Ref<unknown>,
    ) => NodeRef<unknown> | readonly NodeRef<unknown>[];
  };
type ReduceOptions = Placing &
  Weighing &
  Bounds &
  Routed & {
    readonly from: NodeRef<unknown> | readonly NodeRef<unknown>[];
    readonly agent: AnyAgent;
  };
interface WaitOptions extends Placing {
  readonly for: {
    readonly duration?: string;
    readonly moment?: Ref<string>;
    readonly calendar?: string;
    readonly time?: string;
    readonly company?: string | Ref<string>;
    readonly event?: string;
    readonly match?: (event: Ref<unknown>) => When;
    readonly timeout?: string;
  };
}
interface WorkflowOptions extends Placing {
  readonly workflow: Workflow;
  readonly input: unknown;
  readonly critical?: boolean;
}

function foreachNode(options: ForeachOptions, at: At): Node {
  const path = `${at.path}.${options.id}`;
  const item = refTo<unknown>('item');
  const body: ItemNode[] = [];
  const inner = { path, nameOf: at.nameOf, of: (id: string) => `each.${id}.output` };
  const graph = itemGraph(inner, (node) => {
    body.push(node);
    return { id: node.id, output: refTo(inner.of(node.id)) };
  });
  const output = options.each
    ? options.each(graph as ItemGraph, item)
    : graph.task({
        ...{ id: options.id, agent: options.agent },
        input: options.input?.(options.batch ? refTo('items') : item),
        ...weighed(options),
        ...bounded(options),
        ...routed(options),
      } as never);
  const items = isQuery(options.items)
    ? options.items.query
    : expression(options.items as Ref<unknown>, `${path}.items`);
  const { after, ...place } = placed(options, at, items as unknown as Template);
  // What an item's node waits for outside of its item, the whole foreach waits for.
  const outside = body
    .flatMap((each) => each.after)
    .filter((named) => body.every((each) => each.id !== named.split('.')[0]));
  return {
    kind: 'foreach',
    ...place,
    after: unique([...after, ...outside]),
    items,
    key: expression(options.key(item), `${path}.key`),
    body,
    outputs: [output].flat().map((each) => (each as NodeRef<unknown>).id),
    ...(options.batch && { batch: batchesBy(options.batch, item, path) }),
    concurrency: options.concurrency ?? null,
    onItemFailure: options.onItemFailure ?? 'stop',
  };
}

function batchesBy({ by, most }: Batching<unknown>, item: Ref<unknown>, path: string): ItemBatches {
  return { ...(by && { by: expression(by(item), `${path}.batch.by`) }), most };
}

function reduceNode(options: ReduceOptions, at: At): Node {
  const from = [options.from].flat().map((each) => (each as NodeRef<unknown>).id);
  const agent = at.nameOf(options.agent);
  return {
    kind: 'reduce',
    ...placed(options, at, null),
    from,
    agent,
    ...weighed(options),
    ...bounded(options),
    ...routed(options),
  };
}

function awaitedBy({ for: what }: WaitOptions, path: string): AwaitedData {
  const {
    duration,
    moment,
    calendar,
    time = '00:00',
    company,
    event,
    match,
    timeout = 'P1D',
  } = what;
  if (duration !== undefined) return { kind: 'duration', duration };
  if (moment !== undefined) return { kind: 'moment', at: expression(moment, `${path}.moment`) };
  if (calendar !== undefined) {
    const of = company === undefined ? {} : { company: toTemplate(company, path) as Cel | string };
    return { kind: 'calendar', moment: calendar, time, ...of };
  }
  const matching = match && { match: expression(match(refTo('event')), `${path}.match`) };
  return { kind: 'event', entity: event ?? '', timeout, ...matching };
}

/**
 * Where a node stands: after what it names, after what it works on, and after every node that its condition or `mapped`, what else it
 * has of expressions, mention.
 */
function placed(options: Placing & { readonly from?: unknown }, { path }: At, mapped: Template) {
  const { id, after = [], join = 'all_succeeded', when } = options;
  const from = [options.from ?? []].flat().map((each) => (each as Place).id);
  const condition = when === undefined ? {} : { when: expression(when, `${path}.${id}.when`) };
  const { nodes, each } = mentionsOf([condition, mapped]);
  const named = [...from, ...after.map((place) => place.id)];
  const implied = impliedBy([...nodes, ...each], named);
  return { id, after: unique([...named, ...implied]), join, ...condition };
}

function weighed({ priority, critical }: Weighing) {
  return { priority: priority ?? null, critical: critical ?? null };
}

function bounded({ timeoutMs, retry, costMicroUsd }: Bounds): Bounds {
  return {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retry !== undefined && { retry }),
    ...(costMicroUsd !== undefined && { costMicroUsd }),
  };
}

function routed({ server }: Routed): Routed {
  return { ...(server !== undefined && { server }) };
}

const unique = (ids: readonly string[]): readonly string[] => [...new Set(ids)];
