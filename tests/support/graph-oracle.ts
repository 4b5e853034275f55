import type { Node, WorkflowData } from '../../core/sdk/node.ts';

/** What is looked at of a node, of whatever kind. */
interface Looked {
  readonly id: string;
  readonly after: readonly string[];
  readonly from?: readonly string[];
  readonly cases?: readonly { readonly id: string }[];
  readonly otherwise?: string | null;
}

/**
 * How an accepted workflow breaks I11 (no id twice, no dependency that is missing, no cycle), or null. It shares nothing with the
 * compiler: it looks for mentions in text, and for cycles by following edges.
 */
export function brokenGraph({ nodes }: WorkflowData): string | null {
  const top = brokenLevel(nodes, (node) => mentioned(node, 'nodes'));
  if (top) return top;
  const outside = new Set(nodes.map(({ id }) => id));
  for (const node of nodes) {
    if (node.kind !== 'foreach') continue;
    const inside = new Set(node.body.map(({ id }) => id));
    const body = node.body.map((each) => ({
      ...each,
      after: each.after.filter((named) => inside.has(head(named)) || !outside.has(head(named))),
    }));
    const broken = brokenLevel(body, (each) => mentioned(each, 'each'));
    if (broken) return `in ${node.id}: ${broken}`;
    const missing = node.outputs.find((id) => !inside.has(id));
    if (missing !== undefined) return `${node.id} brings ${missing}, which is not there`;
  }
  return null;
}

function brokenLevel<N extends Looked>(
  nodes: readonly N[],
  mentions: (node: N) => readonly string[],
): string | null {
  const byId = new Map<string, N>();
  for (const node of nodes) {
    if (byId.has(node.id)) return `${node.id} is there twice`;
    byId.set(node.id, node);
  }
  for (const node of nodes) {
    for (const named of [...node.after, ...(node.from ?? []), ...mentions(node)]) {
      const target = byId.get(head(named));
      if (!target) return `${node.id} needs ${named}, which is not there`;
      if (!node.after.some((each) => head(each) === target.id))
        return `${node.id} mentions ${named} and does not wait for it`;
      const chosen = named.split('.')[1];
      const cases = [...(target.cases ?? []).map(({ id }) => id), target.otherwise];
      if (chosen !== undefined && !cases.includes(chosen)) return `${named} is no case`;
    }
  }
  return cycleOf(byId);
}

function cycleOf(byId: ReadonlyMap<string, Looked>): string | null {
  const done = new Set<string>();
  const follow = (id: string, way: readonly string[]): string | null => {
    if (way.includes(id)) return `cycle ${[...way, id].join(' → ')}`;
    if (done.has(id)) return null;
    for (const named of byId.get(id)?.after ?? []) {
      const found = follow(head(named), [...way, id]);
      if (found) return found;
    }
    done.add(id);
    return null;
  };
  for (const id of byId.keys()) {
    const found = follow(id, []);
    if (found) return found;
  }
  return null;
}

function head(named: string): string {
  return named.split('.')[0] as string;
}

/** Ids that the expressions of a node name in a scope, outside of texts. */
function mentioned(node: Node | Looked, scope: 'nodes' | 'each'): readonly string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    const { cel } = value as { readonly cel?: unknown };
    if (typeof cel === 'string') {
      const bare = cel.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
      for (const [, id] of bare.matchAll(new RegExp(`(?<![\\w.])${scope}\\.(\\w+)`, 'g')))
        found.add(String(id));
    } else for (const each of Object.values(value)) look(each);
  };
  look(node);
  return [...found];
}
