import { toErrorData } from '../../base/errors.ts';
import type { ForeachNode, ItemNode, Node, WorkflowData } from '../../sdk/node.ts';
import { type Agents, checkGathered, compile } from './compile.ts';
import { connect } from './edges.ts';
import { parseExpression } from './expression.ts';
import type { Fault } from './fault.ts';
import { itemBatches } from './item-batches.ts';

/**
 * What `compile` refuses a workflow for, not the first alone: each node is compiled by itself, each edge and each graph's cycles are
 * looked at by themselves. Empty exactly when `compile` takes the workflow.
 */
export function structureFaults(workflow: WorkflowData, agents: Agents): readonly Fault[] {
  const whole = faultOf(null, workflow.name, () => compile(workflow, agents));
  if (whole.length === 0) return whole;
  const { name, nodes } = workflow;
  const { output: _, ...bare } = { ...workflow, deadline: null };
  const lone = (node: Node): void => {
    compile({ ...bare, nodes: [node] }, agents);
  };
  const found = [
    ...faultOf(null, name, () => compile({ ...workflow, nodes: [nothing] }, agents)),
    ...edgeFaults(nodes, name, null),
    ...nodes.flatMap((node) => nodeFaults(node, name, lone)),
  ];
  return found.length > 0 ? found : whole;
}

/** A node that nothing is wrong with. */
const nothing: ItemNode = {
  kind: 'compute',
  id: 'nothing',
  after: [],
  join: 'all_succeeded',
  from: [],
  value: null,
};

function nodeFaults(node: Node, name: string, lone: (node: Node) => void): readonly Fault[] {
  const path = `${name}.${node.id}`;
  const alone = { ...node, after: [] };
  if (alone.kind !== 'foreach') return faultOf(node.id, path, () => lone(alone));
  // What works in batches is looked at by itself: it would not take any node for its body.
  const { batch: _, ...each } = alone;
  const holding = (body: ItemNode): ForeachNode => ({
    ...each,
    body: [{ ...body, after: [], ...('from' in body && { from: [] }) }],
    outputs: [body.id],
  });
  const ids = new Set(alone.body.map(({ id }) => id));
  const inside = alone.body.map((each) => ({
    ...each,
    after: each.after.filter((named) => ids.has(idOf(named))),
  }));
  const own = [
    ...faultOf(node.id, path, () => lone(holding(nothing))),
    ...faultOf(node.id, path, () => itemBatches(alone, path, parseExpression)),
  ];
  if (own.length > 0) return own;
  return [
    ...edgeFaults(inside, path, node.id),
    ...alone.body.flatMap((each) =>
      faultOf(`${node.id}.${each.id}`, `${path}.${each.id}`, () =>
        checkGathered(each, alone, path),
      ),
    ),
    ...alone.body.flatMap((each) =>
      faultOf(`${node.id}.${each.id}`, `${path}.${each.id}`, () => lone(holding(each))),
    ),
  ];
}

/** What is wrong with a graph's edges: of each node by itself, then the first cycle of what is left. */
function edgeFaults(
  nodes: readonly (Node | ItemNode)[],
  path: string,
  foreach: string | null,
): readonly Fault[] {
  const byId = new Map(nodes.toReversed().map((node) => [node.id, node]));
  const nameOf = (id: string): string => (foreach === null ? id : `${foreach}.${id}`);
  const faults: Fault[] = [];
  const sound = nodes
    .filter((node) => byId.get(node.id) === node)
    .map((node) => {
      const named = new Set(node.after.map(idOf).filter((id) => id !== node.id));
      const others = [...named].flatMap((id) => byId.get(id) ?? []);
      const graph = [node, ...others.map((each) => ({ ...each, after: [] }))];
      const found = faultOf(nameOf(node.id), `${path}.${node.id}`, () => connect(path, graph));
      faults.push(...found);
      return found.length === 0 ? node : { ...node, after: [] };
    });
  for (const node of nodes) {
    if (byId.get(node.id) === node) continue;
    const twice = [node, node].map((each) => ({ ...each, after: [] }));
    faults.push(...faultOf(nameOf(node.id), `${path}.${node.id}`, () => connect(path, twice)));
  }
  // What a cycle is told of is its first node.
  const cycle = faultOf(foreach, path, () => connect(path, sound));
  return [...faults, ...cycle.map((fault) => ({ ...fault, node: nameOf(fault.path), path: '' }))];
}

function idOf(named: string): string {
  return named.split('.')[0] as string;
}

/** The fault for which something is refused. Its message begins with where it is: below `path`. */
function faultOf(node: string | null, path: string, attempt: () => unknown): readonly Fault[] {
  try {
    attempt();
    return [];
  } catch (error) {
    const { code, message } = toErrorData(error);
    if (code === 'INTERNAL') throw error;
    const [, place = path] = /^(?:Node ')?([^\s':]+)/.exec(message) ?? [];
    const isBelow = place.startsWith(`${path}.`);
    const kind = code === 'EXPRESSION_INVALID' ? 'expression' : 'structure';
    return [
      {
        node,
        path: isBelow ? place.slice(path.length + 1) : '',
        code: kind,
        message,
        severity: 'error',
      },
    ];
  }
}
