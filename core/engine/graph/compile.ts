import { durationMs } from '../../base/duration.ts';
import { EngineError } from '../../base/errors.ts';
import type {
  Cel,
  ForeachNode,
  Join,
  Node,
  QueryTemplate,
  TaskNode,
  WorkflowData,
} from '../../sdk/node.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { type Expression, parseExpression } from './expression.ts';
import { type Filler, isCel, parseTemplate } from './template.ts';

interface Compiled {
  readonly id: string;
  readonly join: Join;
  /** Indexes of the nodes that must end first. */
  readonly deps: readonly number[];
  /** Indexes of the nodes that wait for this one. */
  readonly dependents: readonly number[];
}

/** An agent at its place in a graph. */
export interface AgentPlace {
  readonly agent: string;
  readonly module: string;
  readonly priority: number;
  readonly critical: boolean;
}

export interface CompiledTask extends Compiled, AgentPlace {
  readonly kind: 'task';
  readonly input: Filler;
}
export interface CompiledReduce extends Compiled, AgentPlace {
  readonly kind: 'reduce';
  readonly from: readonly number[];
}
export interface CompiledGate extends Compiled {
  readonly kind: 'gate';
  readonly when: Expression;
}
export interface CompiledForeach extends Compiled {
  readonly kind: 'foreach';
  readonly items:
    | { readonly kind: 'query'; readonly query: QueryTemplate; readonly filter: Filler }
    | { readonly kind: 'value'; readonly value: Expression };
  readonly key: Expression;
  /** Each item's own graph; dependencies are indexes within it. */
  readonly body: readonly CompiledTask[];
  /** Indexes within the body of the nodes whose outputs are the item's. */
  readonly outputs: readonly number[];
  readonly concurrency: number;
  readonly onItemFailure: 'continue' | 'stop';
}
export type CompiledNode = CompiledTask | CompiledReduce | CompiledGate | CompiledForeach;

/** A workflow ready to run: nodes in declaration order, edges as indexes, expressions parsed. */
export interface Graph {
  readonly name: string;
  readonly partial: boolean;
  readonly concurrency: number;
  readonly budgetMicroUsd: number | null;
  /** Milliseconds from the run's start, or null. */
  readonly deadlineMs: number | null;
  readonly nodes: readonly CompiledNode[];
}

type Agents = ReadonlyMap<string, RegisteredAgent>;

/**
 * Checks a workflow and readies it to run: ids, references, cycles, agents, expressions.
 * @throws WORKFLOW_INVALID naming the node · EXPRESSION_INVALID naming node and field · INPUT_INVALID for the deadline
 */
export function compile(workflow: WorkflowData, agents: Agents): Graph {
  const { name, nodes } = workflow;
  if (nodes.length === 0)
    throw new EngineError('WORKFLOW_INVALID', `Workflow '${name}' has no nodes; add at least one.`);
  const edges = connect(name, nodes);
  return {
    name,
    partial: workflow.partial,
    concurrency: workflow.concurrency ?? Number.POSITIVE_INFINITY,
    budgetMicroUsd: workflow.budgetMicroUsd,
    deadlineMs: workflow.deadline === null ? null : durationMs(workflow.deadline),
    nodes: nodes.map((node, index) =>
      compileNode(node, edges[index] as Edges, { path: name, nodes, agents }),
    ),
  };
}

interface Edges {
  readonly deps: readonly number[];
  readonly dependents: readonly number[];
}

/** Where a node stands and what it may name. */
interface Context {
  /** `workflow.node`, for messages. */
  readonly path: string;
  readonly nodes: readonly { readonly id: string }[];
  readonly agents: Agents;
}

function compileNode(
  node: Node,
  edges: Edges,
  { path: workflow, nodes, agents }: Context,
): CompiledNode {
  const common = { id: node.id, join: node.join, ...edges };
  const context = { path: `${workflow}.${node.id}`, nodes, agents };
  switch (node.kind) {
    case 'task':
      return compileTask(node, edges, context);
    case 'gate':
      return { kind: 'gate', ...common, when: parseExpression(node.when, `${context.path}.when`) };
    case 'reduce': {
      const from = node.from.map((id) => nodes.findIndex((each) => each.id === id));
      return { kind: 'reduce', ...common, ...placeOf(node, context), from };
    }
    case 'foreach':
      return compileForeach(node, edges, context);
  }
}

function compileTask(node: TaskNode, edges: Edges, context: Context): CompiledTask {
  const input = parseTemplate(node.input, `${context.path}.input`);
  return { kind: 'task', id: node.id, join: node.join, ...edges, ...placeOf(node, context), input };
}

function compileForeach(node: ForeachNode, edges: Edges, context: Context): CompiledForeach {
  const { path } = context;
  // What a body's node names outside its item is a dependency of the whole foreach.
  const ids = new Set(node.body.map((each) => each.id));
  for (const { id, after } of node.body) {
    const unknown = after.find((each) => !ids.has(each) && !node.after.includes(each));
    if (unknown !== undefined)
      throw invalid(
        `${path}.${id}`,
        `waits for '${unknown}', which neither its item nor '${node.id}' waits for`,
      );
  }
  const inner = node.body.map((each) => ({
    ...each,
    after: each.after.filter((id) => ids.has(id)),
  }));
  const innerEdges = connect(path, inner);
  return {
    kind: 'foreach',
    id: node.id,
    join: node.join,
    ...edges,
    items: itemsOf(node.items, path),
    key: parseExpression(node.key, `${path}.key`),
    body: inner.map((each, index) =>
      compileTask(each, innerEdges[index] as Edges, { ...context, path: `${path}.${each.id}` }),
    ),
    outputs: node.outputs.map((id) => outputIndex(node, id, path)),
    concurrency: node.concurrency ?? Number.POSITIVE_INFINITY,
    onItemFailure: node.onItemFailure,
  };
}

function outputIndex(node: ForeachNode, id: string, path: string): number {
  const index = node.body.findIndex((each) => each.id === id);
  if (index < 0) throw invalid(path, `returns '${id}', which is not in its item graph`);
  return index;
}

function itemsOf(items: QueryTemplate | Cel, path: string): CompiledForeach['items'] {
  if (isCel(items)) return { kind: 'value', value: parseExpression(items, `${path}.items`) };
  return { kind: 'query', query: items, filter: parseTemplate(items.filter, `${path}.items`) };
}

function placeOf(
  node: Pick<TaskNode, 'agent' | 'priority' | 'critical'>,
  { path, agents }: Context,
): AgentPlace {
  const registered = agents.get(node.agent);
  if (!registered)
    throw invalid(path, `names the agent '${node.agent}', which no loaded module has`);
  const { agent, module } = registered;
  return {
    agent: node.agent,
    module,
    priority: node.priority ?? agent.priority ?? 5,
    critical: node.critical ?? agent.critical ?? true,
  };
}

/** Edges of a graph by index. @throws WORKFLOW_INVALID for a duplicate id, an unknown reference or a cycle */
function connect(
  path: string,
  nodes: readonly { readonly id: string; readonly after: readonly string[] }[],
): readonly Edges[] {
  const indexes = new Map<string, number>();
  nodes.forEach((node, index) => {
    if (!/^[a-z][a-z0-9_]*$/.test(node.id))
      throw invalid(`${path}.${node.id}`, 'must have a lower snake case id');
    if (indexes.has(node.id))
      throw invalid(`${path}.${node.id}`, 'is declared twice; ids are unique');
    indexes.set(node.id, index);
  });
  const dependents: number[][] = nodes.map(() => []);
  const deps = nodes.map((node, index) =>
    node.after.map((id) => {
      const dep = indexes.get(id);
      if (dep === undefined)
        throw invalid(`${path}.${node.id}`, `waits for '${id}', which does not exist`);
      dependents[dep]?.push(index);
      return dep;
    }),
  );
  const edges = deps.map((each, index) => ({
    deps: each,
    dependents: dependents[index] as number[],
  }));
  refuseCycle(path, nodes, edges);
  return edges;
}

// Kahn's algorithm (Communications of the ACM 5, 1962): what cannot be removed lies on or behind a cycle.
function refuseCycle(
  path: string,
  nodes: readonly { readonly id: string }[],
  edges: readonly Edges[],
): void {
  const waiting = edges.map((each) => each.deps.length);
  const free = waiting.flatMap((count, index) => (count === 0 ? [index] : []));
  for (const index of free) {
    for (const dependent of edges[index]?.dependents ?? []) {
      waiting[dependent] = (waiting[dependent] as number) - 1;
      if (waiting[dependent] === 0) free.push(dependent);
    }
  }
  if (free.length === nodes.length) return;
  const stuck = nodes.filter((_, index) => (waiting[index] as number) > 0).map((node) => node.id);
  throw invalid(
    `${path}.${stuck[0]}`,
    `waits for itself through a cycle among ${stuck.join(', ')}; remove one of the edges`,
  );
}

function invalid(path: string, what: string): EngineError {
  return new EngineError('WORKFLOW_INVALID', `Node '${path}' ${what}.`);
}
