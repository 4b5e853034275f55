import type { Node } from '../../sdk/node.ts';
import { invalid } from './fault.ts';

/** A node's place among the others of its graph. */
export interface Edges {
  /** Indexes of the nodes that must end first. */
  readonly deps: readonly number[];
  /** Indexes of the nodes that wait for this one. */
  readonly dependents: readonly number[];
  /** Of switches that it waits for, by index: the case that must have been chosen. */
  readonly cases: ReadonlyMap<number, string>;
}

type Placed = Pick<Node, 'id' | 'after'> &
  Partial<Pick<Node & { kind: 'switch' }, 'cases' | 'otherwise'>>;

const noCases: ReadonlyMap<number, string> = new Map();

/** Edges of a graph by index. @throws WORKFLOW_INVALID for a duplicate id, an unknown reference, an unknown case or a cycle */
export function connect(path: string, nodes: readonly Placed[]): readonly Edges[] {
  const indexes = indexById(path, nodes);
  const dependents: number[][] = nodes.map(() => []);
  const edges = nodes.map((node, index) => {
    const cases = new Map<number, string>();
    const deps = new Set<number>();
    for (const named of node.after) {
      const [id = '', chosen] = named.split('.');
      const dep = indexes.get(id);
      if (dep === undefined)
        throw invalid(`${path}.${node.id}`, `waits for '${named}', which does not exist`);
      if (chosen !== undefined) {
        if (!casesOf(nodes[dep] as Placed).includes(chosen))
          throw invalid(`${path}.${node.id}`, `waits for '${named}', which is no case of '${id}'`);
        if (cases.has(dep) && cases.get(dep) !== chosen)
          throw invalid(
            `${path}.${node.id}`,
            `waits for two cases of '${id}', of which one is chosen`,
          );
        cases.set(dep, chosen);
      }
      deps.add(dep);
    }
    for (const dep of deps) dependents[dep]?.push(index);
    return {
      deps: [...deps],
      dependents: dependents[index] as number[],
      cases: cases.size > 0 ? cases : noCases,
    };
  });
  refuseCycle(path, nodes, edges);
  return edges;
}

/** What may be chosen at a node. */
function casesOf({ cases = [], otherwise }: Placed): readonly string[] {
  return [...cases.map(({ id }) => id), ...(otherwise ? [otherwise] : [])];
}

function indexById(path: string, nodes: readonly Placed[]): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  nodes.forEach(({ id }, index) => {
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(id))
      throw invalid(`${path}.${id}`, 'must have a lower snake case id of at most 64 characters');
    if (indexes.has(id)) throw invalid(`${path}.${id}`, 'is declared twice; ids are unique');
    indexes.set(id, index);
  });
  return indexes;
}

// Kahn's algorithm (Communications of the ACM 5, 1962): what cannot be removed lies on or behind a cycle.
function refuseCycle(path: string, nodes: readonly Placed[], edges: readonly Edges[]): void {
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
