import type { Node } from '../../sdk/node.ts';
import type { Edges } from './edges.ts';

/** What is known of a node's place before anything starts. */
export interface Place {
  /** Whether another node has ended when this one starts. */
  readonly isBehind: (other: number) => boolean;
  /** Whether another node has succeeded whenever this one starts. */
  readonly isSure: (other: number) => boolean;
  /** Cases that must have been chosen, by the switch's index. */
  readonly cases: ReadonlyMap<number, string>;
  /** Why it never starts, or null. */
  readonly never: string | null;
  /** Whether it can be skipped in a run in which nothing fails. */
  readonly isSkippable: boolean;
}

/** What a constant condition makes of a node, or of a switch's cases. */
export interface Constants {
  /** Whether its condition is the constant false. */
  readonly isClosed: boolean;
  /** Cases that are never chosen. */
  readonly deadCases: ReadonlySet<string>;
}

type Placed = Pick<Node, 'id' | 'join' | 'kind' | 'when'> & {
  readonly otherwise?: string | null;
  readonly onRefusal?: 'fail' | 'skip';
};

// A row of bits a node: 1,000 nodes with all edges between them take 0.5 million rows to join, of 32 words each.
type Bits = Uint32Array;

interface Known {
  readonly cases: ReadonlyMap<number, string>;
  readonly never: string | null;
  readonly isSkippable: boolean;
}

/**
 * Where each node of a graph stands, by index. After `all_succeeded` whatever a node waits for has succeeded, and what that was sure of; after
 * `any` what all of these are sure of; after `all_done` nothing is sure.
 */
export function placesOf(
  nodes: readonly Placed[],
  edges: readonly Edges[],
  constants: readonly Constants[],
): readonly Place[] {
  const order = inOrder(edges);
  const known: Known[] = [];
  for (const index of order) {
    const place = { node: nodes[index] as Placed, edges: edges[index] as Edges };
    known[index] = learn(place, { nodes, constants, known, index });
  }
  // Nearly all nodes read what they wait for themselves, which needs no rows: those of 10,000 nodes take 25 MB.
  let rows: readonly Rows[] | null = null;
  const rowsOf = (index: number): Rows => {
    rows ??= allRows(nodes, edges, order);
    return rows[index] as Rows;
  };
  return nodes.map((node, index) => {
    const waitsFor = (other: number): boolean => edges[index]?.deps.includes(other) ?? false;
    return {
      isBehind: (other) => waitsFor(other) || has(rowsOf(index).behind, other),
      isSure: (other) =>
        (node.join === 'all_succeeded' && waitsFor(other)) || has(rowsOf(index).sure, other),
      ...(known[index] as Known),
    };
  });
}

/** Of a node: which others have ended when it starts, and which have succeeded. */
interface Rows {
  readonly behind: Bits;
  readonly sure: Bits;
}

function allRows(
  nodes: readonly Placed[],
  edges: readonly Edges[],
  order: readonly number[],
): readonly Rows[] {
  const words = Math.ceil(nodes.length / 32);
  const rows: Rows[] = [];
  for (const index of order) {
    const { deps } = edges[index] as Edges;
    const before = deps.map((dep) => ({ dep, ...(rows[dep] as Rows) }));
    const behind = new Uint32Array(words);
    for (const { dep, behind: theirs } of before) {
      join(behind, theirs);
      mark(behind, dep);
    }
    rows[index] = { behind, sure: surely(nodes[index] as Placed, { before, words }) };
  }
  return rows;
}

/** Indexes such that every node comes after what it waits for; of a graph without cycles. */
export function inOrder(edges: readonly Edges[]): readonly number[] {
  const waiting = edges.map(({ deps }) => deps.length);
  const order = waiting.flatMap((count, index) => (count === 0 ? [index] : []));
  for (const index of order)
    for (const dependent of edges[index]?.dependents ?? []) {
      waiting[dependent] = (waiting[dependent] as number) - 1;
      if (waiting[dependent] === 0) order.push(dependent);
    }
  return order;
}

interface Learning {
  readonly nodes: readonly Placed[];
  readonly constants: readonly Constants[];
  readonly known: readonly Known[];
  readonly index: number;
}

function learn(
  { node, edges }: { readonly node: Placed; readonly edges: Edges },
  learning: Learning,
): Known {
  const before = edges.deps.map((dep) => ({ dep, ...(learning.known[dep] as Known) }));
  const { cases, clash } = casesOf(node, { edges, before });
  const own = learning.constants[learning.index] as Constants;
  return {
    cases,
    never: whyNever(node, { edges, before, clash, own, learning }),
    isSkippable: canBeSkipped(node, { edges, before }),
  };
}

type Before = readonly (Known & { readonly dep: number })[];

function surely(
  node: Placed,
  {
    before,
    words,
  }: { readonly before: readonly (Rows & { readonly dep: number })[]; readonly words: number },
): Bits {
  const sure = new Uint32Array(words);
  if (node.join === 'all_done' || before.length === 0) return sure;
  for (const [at, { dep, sure: theirs }] of before.entries()) {
    if (node.join === 'all_succeeded' || at === 0) {
      join(sure, theirs);
      mark(sure, dep);
    } else {
      const other = Uint32Array.from(theirs);
      mark(other, dep);
      for (const [word, bits] of other.entries()) sure[word] = (sure[word] as number) & bits;
    }
  }
  return sure;
}

interface Met {
  readonly cases: ReadonlyMap<number, string>;
  /** A switch of which two cases would have to be chosen. */
  readonly clash: number | null;
}

function casesOf(
  node: Placed,
  { edges, before }: { readonly edges: Edges; readonly before: Before },
): Met {
  if (node.join !== 'all_succeeded') return { cases: edges.cases, clash: null };
  const [first] = before;
  if (before.length === 1 && first && edges.cases.size === 0)
    return { cases: first.cases, clash: null };
  const met = new Map<number, string>();
  for (const cases of new Set([...before.map((each) => each.cases), edges.cases]))
    for (const [at, chosen] of cases) {
      if (met.has(at) && met.get(at) !== chosen) return { cases: met, clash: at };
      met.set(at, chosen);
    }
  return { cases: met, clash: null };
}

function whyNever(
  node: Placed,
  {
    edges,
    before,
    clash,
    own,
    learning: { nodes, constants },
  }: {
    readonly edges: Edges;
    readonly before: Before;
    readonly clash: number | null;
    readonly own: Constants;
    readonly learning: Learning;
  },
): string | null {
  if (own.isClosed) return 'its condition never holds';
  if (clash !== null)
    return `two cases of '${nodes[clash]?.id}' would have to be chosen at once; wait for them with join: any`;
  for (const [at, chosen] of node.join === 'all_succeeded' ? edges.cases : [])
    if (constants[at]?.deadCases.has(chosen)) return `'${nodes[at]?.id}' never chooses '${chosen}'`;
  const dead = before.filter(({ never }) => never !== null);
  const isHeld = node.join === 'all_succeeded' ? dead.length > 0 : dead.length === before.length;
  if (node.join === 'all_done' || dead.length === 0 || !isHeld) return null;
  return `it waits for '${nodes[dead[0]?.dep as number]?.id}', which never succeeds`;
}

function canBeSkipped(
  node: Placed,
  { edges, before }: { readonly edges: Edges; readonly before: Before },
): boolean {
  if (node.when !== undefined || node.kind === 'gate') return true;
  if (node.kind === 'switch' && node.otherwise === null) return true;
  if (node.kind === 'approval' && node.onRefusal === 'skip') return true;
  if (edges.cases.size > 0) return true;
  if (node.join === 'all_succeeded') return before.some(({ isSkippable }) => isSkippable);
  return node.join === 'any' && before.length > 0 && before.every(({ isSkippable }) => isSkippable);
}

function has(bits: Bits, index: number): boolean {
  return (((bits[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
}

function mark(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] as number) | (1 << (index & 31));
}

function join(bits: Bits, others: Bits): void {
  for (let word = 0; word < bits.length; word++)
    bits[word] = (bits[word] as number) | (others[word] as number);
}
