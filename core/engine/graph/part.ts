import type { Node, WorkflowData } from '../../sdk/node.ts';
import { itemSourcesOf, namesAll, sourcesOf } from './sources.ts';

/**
 * The part of a workflow that tells what one node is given, and brings: the node, what its data is made of, and what those are made of that
 * expressions alone decide. Each waits for what it is made of, and for nothing else: nothing can be run by it. Without that node it has none.
 */
export function partOf(workflow: WorkflowData, id: string): WorkflowData {
  const { output: _, nodes, ...rest } = workflow;
  const known = new Map(nodes.map((node) => [node.id, node]));
  const sources = new Map<string, readonly string[]>();
  const part = new Set([id]);
  for (const each of part) {
    const node = known.get(each);
    if (!node || !(each === id || isMade(node))) continue;
    const named = namedBy(node);
    const from = namesAll(named) ? before(node, known) : named.filter((one) => known.has(one));
    sources.set(each, from);
    for (const source of from) part.add(source);
  }
  const kept = nodes.filter((node) => part.has(node.id));
  return { ...rest, nodes: kept.map((node) => placed(node, sources.get(node.id) ?? [])) };
}

/** Whether what a node brings is not stored, but made again. */
function isMade({ kind }: Node): boolean {
  return kind === 'switch' || kind === 'compute' || kind === 'foreach';
}

/** The nodes at the top that a node's data, or that of its items, is made of. */
function namedBy(node: Node): readonly string[] {
  if (node.kind !== 'foreach') return sourcesOf(node).nodes;
  const inside = node.body.flatMap((each) => sourcesOf(each, true).nodes);
  return [...sourcesOf(node).nodes, ...itemSourcesOf(node).nodes, ...inside];
}

/** All that a node waits for, directly or not. */
function before({ after }: Node, known: ReadonlyMap<string, Node>): readonly string[] {
  const found = new Set(after.map(idOf));
  for (const id of found) for (const named of known.get(id)?.after ?? []) found.add(idOf(named));
  return [...found];
}

function placed(node: Node, after: readonly string[]): Node {
  if (node.kind !== 'foreach') return { ...node, after };
  const ids = new Set(node.body.map((each) => each.id));
  const body = node.body.map((each) => ({
    ...each,
    after: each.after.filter((named) => ids.has(idOf(named))),
  }));
  return { ...node, after, body };
}

/** A case of a switch is named as `route.high`. */
function idOf(named: string): string {
  return named.split('.')[0] as string;
}
