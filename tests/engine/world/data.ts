import type {
  Cel,
  ComputeNode,
  GateNode,
  ItemNode,
  Node,
  Template,
} from '../../../core/sdk/node.ts';

/** What a node is told of others: the output of each that has brought one, else null. */
export function seenOf(ids: readonly string[]): { readonly [id: string]: Cel } {
  return Object.fromEntries(ids.map((id) => [id, { cel: orNull(`nodes.${id}.output`) }]));
}

/**
 * Lets the nodes of a random graph look at each other: tasks are given what those before them have brought, and some conditions hang on
 * it. `choices`: a number a node, which decides what becomes of it.
 */
export function withData(nodes: readonly Node[], choices: readonly number[]): Node[] {
  const made: Node[] = [];
  nodes.forEach((node, index) => {
    made.push(lookingBack(node, { before: made, choice: choices[index] ?? 0 }));
  });
  return made;
}

function lookingBack(
  node: Node,
  { before, choice }: { readonly before: readonly Node[]; readonly choice: number },
): Node {
  const numbered = before.find(({ id, kind }) => node.after.includes(id) && isNumbered(kind));
  const high = numbered && {
    cel: `has(nodes.${numbered.id}.output) && nodes.${numbered.id}.output.n > 3`,
  };
  switch (node.kind) {
    case 'task':
      return {
        ...node,
        input: { seen: seenOf(node.after) },
        ...(high && choice % 4 === 0 && { when: high }),
      };
    case 'workflow':
      return { ...node, input: { seen: seenOf(node.after) } };
    case 'gate':
      return choice % 3 === 0
        ? computeOf(node, numbered)
        : { ...node, ...(high && choice % 3 === 1 && { when: high }) };
    case 'foreach': {
      const { batch, body } = node;
      if (!batch) return { ...node, body: body.map(inItem) };
      const by = choice % 2 === 0 && { by: { cel: 'item.odd' } };
      return { ...node, body: body.map(inBatch), batch: { ...batch, ...by } };
    }
    default:
      return node;
  }
}

/** Whether what a node brings has a number `n`. */
function isNumbered(kind: Node['kind']): boolean {
  return kind === 'task' || kind === 'reduce' || kind === 'compute';
}

function computeOf({ id, after, join }: GateNode, numbered: Node | undefined): ComputeNode {
  const n: Template = numbered
    ? { cel: `has(nodes.${numbered.id}.output) ? nodes.${numbered.id}.output.n : 9` }
    : 5;
  return { kind: 'compute', id, after, join, from: [], value: { n, seen: seenOf(after) } };
}

function inItem(node: ItemNode): ItemNode {
  if (node.kind !== 'task' && node.kind !== 'workflow') return node;
  const each = Object.fromEntries(
    node.after.map((id) => [id, { cel: orNull(`each.${id}.output`) }]),
  );
  return { ...node, input: { id: { cel: 'item.id' }, each } };
}

function inBatch(node: ItemNode): ItemNode {
  return node.kind === 'task' ? { ...node, input: { ids: { cel: 'items.map(i, i.id)' } } } : node;
}

function orNull(path: string): string {
  return `has(${path}) ? ${path} : null`;
}
