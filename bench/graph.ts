/** One agent of a measured graph. */
export interface BenchNode {
  /** Its position, and the index of its module. */
  readonly index: number;
  readonly module: number;
  readonly priority: number;
  /** Its model call takes this multiple of the base latency. */
  readonly factor: number;
  /** Indexes of the nodes that must end first. */
  readonly deps: readonly number[];
}

/** A layered graph that the bench runs: 4 modules, 1 to 3 dependencies each, a fifth of them on another module's agent. */
export interface BenchGraph {
  readonly name: string;
  readonly nodes: readonly BenchNode[];
}

export const moduleCount = 4;
const foreignShare = 0.2;
const longShare = 0.1;
const seed = 20_261_101;

/** The measured graphs by name: 500 agents in 5 layers, the same with uneven latencies, 10,000 agents in 10 layers. */
export const benchGraphs = {
  w500: () => layered('w500', { width: 100, depth: 5, uneven: false }),
  w500j: () => layered('w500j', { width: 100, depth: 5, uneven: true }),
  w10k: () => layered('w10k', { width: 1_000, depth: 10, uneven: false }),
} as const;

export type GraphName = keyof typeof benchGraphs;

/** The longest path through a graph, as a multiple of the base latency: no engine can be faster. */
export function criticalPath({ nodes }: BenchGraph): number {
  const ends: number[] = [];
  for (const node of nodes) {
    ends.push(node.factor + Math.max(0, ...node.deps.map((dep) => ends[dep] as number)));
  }
  return Math.max(...ends);
}

/** Edges in all, and those between agents of different modules. */
export function countEdges({ nodes }: BenchGraph): {
  readonly all: number;
  readonly foreign: number;
} {
  const pairs = nodes.flatMap((node) =>
    node.deps.map((dep) => [node, nodes[dep] as BenchNode] as const),
  );
  return { all: pairs.length, foreign: pairs.filter(([a, b]) => a.module !== b.module).length };
}

interface Layers {
  readonly width: number;
  readonly depth: number;
  readonly uneven: boolean;
}

function layered(name: string, { width, depth, uneven }: Layers): BenchGraph {
  const random = uniform(seed);
  const nodes = Array.from({ length: width * depth }, (_, index): BenchNode => {
    const module = index % moduleCount;
    const above = Math.floor(index / width) * width - width;
    const deps = above < 0 ? [] : chooseDeps({ above, width, module }, random);
    const priority = 1 + Math.floor(random() * 10);
    return { index, module, priority, factor: factorOf(random, uneven), deps };
  });
  return { name, nodes };
}

function chooseDeps(
  {
    above,
    width,
    module,
  }: { readonly above: number; readonly width: number; readonly module: number },
  random: () => number,
): readonly number[] {
  const deps = new Set<number>();
  const count = 1 + Math.floor(random() * 3);
  while (deps.size < count) {
    const away = random() < foreignShare ? 1 + Math.floor(random() * (moduleCount - 1)) : 0;
    const row = Math.floor((random() * width) / moduleCount) * moduleCount;
    deps.add(above + row + ((module + away) % moduleCount));
  }
  return [...deps];
}

// 0.4 to 1.6 of the base, and one in ten four times the base: the long tail of real model calls.
function factorOf(random: () => number, uneven: boolean): number {
  const [spread, tail] = [random(), random()];
  if (!uneven) return 1;
  return tail < longShare ? 4 : 0.4 + spread * 1.2;
}

/** Uniform in [0, 1), the same for the same seed: Park and Miller's minimal standard (CACM 31, 1988; multiplier of 1993). */
function uniform(from: number): () => number {
  let state = from;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
