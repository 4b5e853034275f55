import { durationMs } from '../../base/duration.ts';
import { EngineError } from '../../base/errors.ts';
import { checkMoment } from '../../sdk/calendar/calendar-moment.ts';
import { goalSchema } from '../../sdk/goal.ts';
import type {
  Awaited as AwaitedData,
  Bounds,
  Cel,
  ForeachNode,
  ItemNode,
  Node,
  QueryTemplate,
  TaskNode,
  Template,
  ToolNode,
  WorkflowData,
} from '../../sdk/node.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { toolAgentName } from '../../sdk/tool-agent.ts';
import { undoWorkflow } from '../undo/undo-workflow.ts';
import type {
  AgentPlace,
  CompiledAwaited,
  CompiledForeach,
  CompiledItemNode,
  CompiledNode,
  Graph,
} from './compiled.ts';
import { connect, type Edges } from './edges.ts';
import { type Expression, isMemberPath, parseExpression } from './expression.ts';
import { invalid } from './fault.ts';
import { itemBatches } from './item-batches.ts';
import { type Known, scopesOf, type WorkflowScopes } from './scopes.ts';
import { itemSourcesOf, readsOf, sourcesIn, sourcesOf } from './sources.ts';
import { type Filler, isCel, parseTemplate } from './template.ts';

/** Those of the loaded modules, with the agent of every tool. */
export type Agents = ReadonlyMap<string, RegisteredAgent>;

/**
 * Checks a workflow and readies it to run: ids, references, cases, cycles, agents, tools, expressions, durations. `known` gives the types of
 * what its expressions see; without it they see values alone.
 * @throws WORKFLOW_INVALID naming the node · EXPRESSION_INVALID naming node and field · INPUT_INVALID for a duration
 */
export function compile(workflow: WorkflowData, agents: Agents, known?: Known): Graph {
  const { name, nodes, output } = workflow;
  const parser = new Parser(workflow, known);
  if (nodes.length === 0)
    throw new EngineError('WORKFLOW_INVALID', `Workflow '${name}' has no nodes; add at least one.`);
  const goal = goalSchema.optional().safeParse(workflow.goal);
  if (!goal.success)
    throw new EngineError(
      'WORKFLOW_INVALID',
      `The goal of workflow '${name}' ${goal.error.issues[0]?.message}.`,
    );
  const edges = connect(name, nodes);
  const compiled = nodes.map((node, index) =>
    compileNode(node, edges[index] as Edges, {
      path: `${name}.${node.id}`,
      nodes,
      agents,
      parser,
    }),
  );
  return {
    name,
    partial: workflow.partial,
    ...(workflow.onFailure !== undefined && { onFailure: workflow.onFailure }),
    concurrency: workflow.concurrency ?? Number.POSITIVE_INFINITY,
    budgetMicroUsd: workflow.budgetMicroUsd,
    deadlineMs: workflow.deadline === null ? null : durationMs(workflow.deadline),
    nodes: compiled,
    reads: nodes.map((node, index) => readsOf(node, (compiled[index] as CompiledNode).sources)),
    places: new Map(nodes.map(({ id }, index) => [id, index])),
    output: output === undefined ? null : parser.template(output, `${name}.output`),
    outputSources: sourcesIn(output === undefined ? [] : [output]),
  };
}

/**
 * Parses the expressions of a workflow, by the types of what they see where those are known: decimals are decimals then. The types are
 * worked out when something is computed, and not for member paths.
 */
class Parser {
  readonly #scopes: () => WorkflowScopes | null;

  constructor(workflow: WorkflowData, known: Known | undefined) {
    let scopes: WorkflowScopes | null = null;
    this.#scopes = () => {
      if (known) scopes ??= scopesOf(workflow, known);
      return scopes;
    };
  }

  expression(cel: Cel, path: string): Expression {
    const types = isMemberPath(cel.cel) ? undefined : this.#scopes()?.at(path);
    return parseExpression(cel, path, types);
  }

  template(template: Template, path: string): Filler {
    return parseTemplate(template, path, () => this.#scopes()?.at(path));
  }
}

/** Where a node stands and what it may name. */
interface Context {
  /** `workflow.node`, for messages. */
  readonly path: string;
  readonly nodes: readonly { readonly id: string }[];
  readonly agents: Agents;
  readonly parser: Parser;
  /** Whether it stands in the graph of an item. */
  readonly inItem?: boolean;
}

function compileNode(node: Node, edges: Edges, context: Context): CompiledNode {
  switch (node.kind) {
    case 'reduce': {
      const from = indexesOf(node.from, context);
      return { kind: node.kind, ...common(node, edges, context), ...placeOf(node, context), from };
    }
    case 'foreach':
      return compileForeach(node, edges, context);
    default:
      return compileItemNode(node, edges, context);
  }
}

function compileItemNode(node: ItemNode, edges: Edges, context: Context): CompiledItemNode {
  const shared = common(node, edges, context);
  const { path, parser } = context;
  switch (node.kind) {
    case 'task': {
      const input = parser.template(node.input, `${path}.input`);
      return { kind: node.kind, ...shared, ...placeOf(node, context), input };
    }
    case 'tool': {
      const input = parser.template(node.args, `${path}.args`);
      return { kind: node.kind, ...shared, ...placeOf(node, context), input };
    }
    case 'compute': {
      const value = parser.template(node.value, `${path}.value`);
      return { kind: node.kind, ...shared, from: indexesOf(node.from, context), value };
    }
    case 'gate':
      return { kind: node.kind, ...shared };
    case 'switch':
      return { kind: node.kind, ...shared, ...choicesOf(node, context) };
    case 'approval':
      return { kind: node.kind, ...shared, ...approvalOf(node, context) };
    case 'wait':
      return { kind: node.kind, ...shared, for: awaited(node.for, context) };
    case 'workflow': {
      const input = parser.template(node.input, `${path}.input`);
      const critical = node.critical ?? true;
      return { kind: node.kind, ...shared, workflow: node.workflow, input, critical };
    }
  }
}

function common(node: Node, edges: Edges, { path, parser, inItem = false }: Context) {
  const { id, join } = node;
  const when = node.when ? parser.expression(node.when, `${path}.when`) : null;
  return { id, join, ...edges, when, sources: sourcesOf(node, inItem) };
}

function indexesOf(ids: readonly string[], { nodes }: Context): readonly number[] {
  return ids.map((id) => nodes.findIndex((each) => each.id === id));
}

function compileForeach(node: ForeachNode, edges: Edges, context: Context): CompiledForeach {
  const { path, parser } = context;
  for (const each of node.body) checkGathered(each, node, path);
  const inner = innerNodes(node, path);
  const innerEdges = connect(path, inner);
  return {
    kind: 'foreach',
    ...common(node, edges, context),
    items: itemsOf(node.items, context),
    key: parser.expression(node.key, `${path}.key`),
    itemSources: itemSourcesOf(node),
    body: inner.map((each, index) =>
      compileItemNode(each, innerEdges[index] as Edges, {
        ...context,
        nodes: inner,
        inItem: true,
        path: `${path}.${each.id}`,
      }),
    ),
    outputs: node.outputs.map((id) => outputIndex(node, id, path)),
    batch: itemBatches(node, path, (cel, at) => parser.expression(cel, at)),
    concurrency: node.concurrency ?? Number.POSITIVE_INFINITY,
    onItemFailure: node.onItemFailure,
  };
}

/** What an item goes through. What it names outside of its item is a dependency of the whole foreach. */
function innerNodes(node: ForeachNode, path: string): readonly ItemNode[] {
  const ids = new Set(node.body.map((each) => each.id));
  const isInside = (named: string): boolean => ids.has(named.split('.')[0] as string);
  for (const { id, after } of node.body) {
    const unknown = after.find((each) => !isInside(each) && !node.after.includes(each));
    if (unknown !== undefined)
      throw invalid(
        `${path}.${id}`,
        `waits for '${unknown}', which neither its item nor '${node.id}' waits for`,
      );
  }
  return node.body.map((each) => ({ ...each, after: each.after.filter(isInside) }));
}

/** What a node of an item gathers are nodes of that item. @throws WORKFLOW_INVALID */
export function checkGathered(
  each: ItemNode,
  { body }: Pick<ForeachNode, 'body'>,
  path: string,
): void {
  const from = each.kind === 'compute' ? each.from : [];
  const strange = from.find((id) => body.every((other) => other.id !== id));
  if (strange === undefined) return;
  throw invalid(
    `${path}.${each.id}`,
    `gathers '${strange}', which is no node of its item; read it as nodes.${strange}.output`,
  );
}

function outputIndex(node: ForeachNode, id: string, path: string): number {
  const index = node.body.findIndex((each) => each.id === id);
  if (index < 0) throw invalid(path, `returns '${id}', which is not in its item graph`);
  return index;
}

function itemsOf(items: QueryTemplate | Cel, { path, parser }: Context): CompiledForeach['items'] {
  if (isCel(items)) {
    const [, outputsOf = null] = /^nodes\.(\w+)\.output$/.exec(items.cel) ?? [];
    return { kind: 'value', value: parser.expression(items, `${path}.items`), outputsOf };
  }
  return { kind: 'query', query: items, filter: parser.template(items.filter, `${path}.items`) };
}

function placeOf(
  node: (Pick<TaskNode, 'agent'> | Pick<ToolNode, 'tool'>) &
    Pick<TaskNode, 'priority' | 'critical' | 'server'> &
    Bounds,
  { path, agents }: Context,
): AgentPlace {
  const name = 'tool' in node ? toolAgentName(node.tool) : node.agent;
  const registered = agents.get(name);
  if (!registered || (registered.isOwn && !path.startsWith(`${undoWorkflow}.`))) {
    const what = 'tool' in node ? `tool '${node.tool}'` : `agent '${node.agent}'`;
    throw invalid(path, `names the ${what}, which no loaded module has`);
  }
  const { agent, module } = registered;
  const { timeoutMs, retry, costMicroUsd, server } = node;
  return {
    agent: name,
    module,
    priority: node.priority ?? agent.priority ?? 5,
    critical: node.critical ?? agent.critical ?? true,
    bounds: {
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(retry !== undefined && { retry }),
      ...(costMicroUsd !== undefined && { costMicroUsd }),
    },
    ...(server !== undefined && { server }),
    ...(registered.made && { made: registered }),
  };
}

function choicesOf(node: Extract<Node, { kind: 'switch' }>, { path, parser }: Context) {
  const { cases, otherwise } = node;
  const ids = [...cases.map(({ id }) => id), ...(otherwise === null ? [] : [otherwise])];
  if (cases.length === 0) throw invalid(path, 'has no cases; add at least one');
  for (const [index, id] of ids.entries()) {
    if (!/^[a-z][a-z0-9_]*$/.test(id))
      throw invalid(path, `has the case '${id}'; write lower snake case`);
    if (ids.indexOf(id) !== index) throw invalid(path, `has the case '${id}' twice`);
  }
  const choices = cases.map(({ id, when }) => ({
    id,
    when: parser.expression(when, `${path}.cases.${id}`),
  }));
  return { choices, otherwise };
}

function approvalOf(node: Extract<Node, { kind: 'approval' }>, { path, parser }: Context) {
  const { by, required, onRefusal } = node;
  if (by.length === 0) throw invalid(path, 'asks nobody; name a role or a person in `by`');
  return {
    title: parser.template(node.title as Template, `${path}.title`),
    show: parser.template(node.show, `${path}.show`),
    ...{ by, required, onRefusal, expiresMs: durationMs(node.expires) },
    escalate: escalationOf(node, path),
  };
}

function escalationOf({ escalate, expires }: Extract<Node, { kind: 'approval' }>, path: string) {
  if (!escalate) return null;
  const { after, to } = escalate;
  if (to.length === 0)
    throw invalid(path, 'escalates to nobody; name a role or a person in `escalate.to`');
  const afterMs = durationMs(after);
  if (afterMs >= durationMs(expires))
    throw invalid(path, `escalates after ${after}, when it has expired (${expires})`);
  return { afterMs, to };
}

function awaited(what: AwaitedData, { path: at, parser }: Context): CompiledAwaited {
  const path = `${at}.for`;
  switch (what.kind) {
    case 'duration':
      return { kind: what.kind, ms: durationMs(what.duration) };
    case 'moment':
      return { kind: what.kind, at: parser.expression(what.at, `${path}.at`) };
    case 'calendar': {
      const { kind, moment, time, company } = what;
      checkMoment({ moment, time });
      const of =
        company === undefined ? null : parser.template(company as Template, `${path}.company`);
      return { kind, moment, time, company: of };
    }
    case 'event': {
      const match = what.match ? parser.expression(what.match, `${path}.match`) : null;
      return { kind: what.kind, entity: what.entity, match, timeoutMs: durationMs(what.timeout) };
    }
  }
}
