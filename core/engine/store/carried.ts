import type { Trust } from '../../ports/db/states.ts';
import type { CompiledNode, Graph } from '../graph/compiled.ts';
import { inOrder } from '../graph/reach.ts';
import { isInline } from '../run/inline.ts';
import type { Carried } from '../run/step.ts';
import type { HistoryEntry } from './store.ts';

/** What a run has taken over from the one that it retries, by the ids of its own steps: the entries that a retry begins with. */
export function carriedIn(history: readonly HistoryEntry[]): ReadonlyMap<number, Carried> {
  const ends = new Map<number, Carried>();
  for (const { seq, step, kind, data, body } of history) {
    if (data.carried !== true || step === null) continue;
    const degraded = data.degraded === true;
    if (kind === 'step.succeeded') {
      const trust = (data.trust ?? 'external') as Trust;
      const ended = { kind: 'succeeded' as const, output: JSON.parse(body ?? 'null'), trust };
      ends.set(step, { outputSeq: seq, degraded, ended });
    } else if (kind === 'step.skipped') {
      const ended = { kind: 'skipped' as const, error: data.error as never };
      ends.set(step, { outputSeq: null, degraded, ended });
    } else if (isDecision(kind))
      ends.set(step, { outputSeq: null, degraded, ended: decidedBefore({ kind, data, body }) });
  }
  return ends;
}

/** Whether an entry tells what a node's expressions have decided. */
export function isDecision(kind: string): boolean {
  return kind === 'gate.decided' || kind === 'switch.decided' || kind === 'compute.done';
}

/** What was decided stays so: whoever asked again might see more than was there at the time. */
function decidedBefore({
  kind,
  data,
  body,
}: Pick<HistoryEntry, 'kind' | 'data' | 'body'>): Carried['ended'] {
  if (data.status === 'skipped') return { kind: 'skipped' };
  if (kind === 'gate.decided') return { kind: 'succeeded', output: null };
  const output = kind === 'switch.decided' ? { case: data.case } : JSON.parse(body ?? 'null');
  return { kind: 'succeeded', output };
}

/** A step of a run that has ended, as far as a retry needs it. */
export interface FormerStep {
  readonly id: number;
  readonly status: string;
  /** The entry that tells its end, or what its expressions have decided; null: its place in the graph decided it, or it has none. */
  readonly seq: number | null;
  /** Of a step that has started a run: whether that one has come to a good end in every part. */
  readonly isWhole: boolean;
}

/** A run that has ended, and is to be retried. */
export interface FormerRun {
  readonly graph: Pick<Graph, 'nodes' | 'places' | 'reads'>;
  readonly steps: ReadonlyMap<number, FormerStep>;
  /** Which foreach was expanded by which entry, into how many items or batches, oldest first. */
  readonly expansions: readonly {
    readonly seq: number;
    readonly step: number;
    readonly items: number;
  }[];
}

/**
 * When something is taken over: behind which entry of the former run, and how many expansions further. Where a foreach was opened by one
 * dependency and stays open by another, which came later, its expansion follows that one's: before it nobody would ask for its items.
 */
interface Rank {
  readonly at: number;
  readonly depth: number;
}

/** An entry of the former run, and its step in the retry. */
export interface TakenEntry extends Rank {
  readonly seq: number;
  readonly step: number;
}

/** An expansion of the former run: its entry, the id of its first item's first step, and how many items it has. */
interface Base {
  readonly seq: number;
  readonly base: number;
  readonly items: number;
}

/** What a retry takes over. */
export interface Takeover {
  /** Entries of the former run, in the order in which the retry has them. */
  readonly entries: readonly TakenEntry[];
  /** Ids of steps that stay done: in the former run, and in the retry. */
  readonly steps: ReadonlyMap<number, number>;
  /** Whether nothing is left to do again. */
  readonly isWhole: boolean;
}

/**
 * Which steps stay done: those that ended well, and whose dependencies stay done, too. What rests on anything that is done again is done
 * again as well, such as what was summed up over the items that had succeeded. Steps get the ids that the retry will give them: in the
 * order of the nodes, then of the expansions as it has them.
 */
export function takeover({ graph, steps, expansions }: FormerRun): Takeover {
  const { nodes } = graph;
  const bases = new Map<number, Base>();
  let base = nodes.length;
  for (const { seq, step, items } of expansions) {
    bases.set(step, { seq, base, items });
    base += items * bodyOf(nodes[step]).length;
  }
  const kept = new Map<number, number>();
  const known = new Map<number, boolean>();
  const statusOf = (index: number): string | undefined => steps.get(index)?.status;
  const isDone = (index: number): boolean => {
    const before = known.get(index);
    if (before !== undefined) return before;
    const done = isMet(nodes[index], { isDone, statusOf }) && comesOutAgain(index);
    const result = done && endsWell(index);
    known.set(index, result);
    return result;
  };
  const order = inOrder(nodes);
  const isBehind = behindIn(nodes, order);
  const comesOutAgain = (index: number): boolean =>
    !isDecidedAgain(nodes[index], steps.get(index)) ||
    (graph.reads[index] ?? []).every((id) => isBehind(index, graph.places.get(id) ?? -1));
  const endsWell = (index: number): boolean => {
    const node = nodes[index];
    const step = steps.get(index);
    if (!node || !step) return false;
    if (node.kind !== 'foreach') return isGood(node, step);
    if (step.status === 'skipped') return true;
    const at = bases.get(index);
    if (!at || step.status !== 'succeeded') return false;
    return Array.from({ length: at.items }).every((_, item) =>
      doneInItem(node.body, { first: at.base + item * node.body.length, steps }).every(Boolean),
    );
  };
  // Each after what it waits for, so that nothing asks deeply.
  for (const index of order) isDone(index);
  nodes.forEach((node, index) => {
    if (isDone(index) && node.kind !== 'foreach') kept.set(index, index);
  });
  const open = new Map([...bases].filter(([index]) => isMet(nodes[index], { isDone, statusOf })));
  const ranks = ranksOf(nodes, order, open);
  const entries = [...open].map(
    ([step, { seq }]): TakenEntry => ({ seq, step, ...(ranks.get(step) as Rank) }),
  );
  let next = nodes.length;
  for (const { step: index } of entries.sort(inOrderOfRetry)) {
    const { base: from, items } = open.get(index) as Base;
    const body = bodyOf(nodes[index]);
    const isStopped = statusOf(index) !== 'succeeded';
    for (let item = 0; item < items; item += 1) {
      const first = item * body.length;
      doneInItem(body, { first: from + first, steps, isStopped }).forEach((done, place) => {
        if (done) kept.set(from + first + place, next + first + place);
      });
    }
    next += items * body.length;
  }
  for (const [former, step] of kept) {
    const seq = steps.get(former)?.seq ?? null;
    if (seq !== null) entries.push({ seq, step, at: seq, depth: 0 });
  }
  entries.sort(inOrderOfRetry);
  return { entries, steps: kept, isWhole: nodes.every((_, index) => isDone(index)) };
}

/** Whether a retry asks a node's expressions again: its end was recorded nowhere. */
function isDecidedAgain(
  node: CompiledNode | undefined,
  step: Pick<FormerStep, 'status' | 'seq'> | undefined,
): boolean {
  if (!node || !step || step.seq !== null) return false;
  return isInline(node) || (step.status === 'skipped' && node.when !== null);
}

/**
 * Tells whether one node has ended whenever another one is decided. Behind `any` that hangs on which dependency was the first, and in a retry
 * another one may be: whoever looks at what may have ended may come to something else. `order`: every node after what it waits for.
 */
function behindIn(
  nodes: readonly CompiledNode[],
  order: readonly number[],
): (index: number, other: number) => boolean {
  // Whatever a node reads it comes behind.
  if (!nodes.some(isRace)) return () => true;
  const known = new Map<number, Uint8Array>();
  const dependentsOf = (other: number): Uint8Array => {
    const found = new Uint8Array(nodes.length);
    for (const index of order) {
      const { deps = [], join } = nodes[index] ?? {};
      const isBehind = (dep: number): boolean => dep === other || found[dep] === 1;
      const has = join === 'any' ? deps.every(isBehind) : deps.some(isBehind);
      if (deps.length > 0 && has) found[index] = 1;
    }
    return found;
  };
  return (index, other) => {
    const found = known.get(other) ?? dependentsOf(other);
    known.set(other, found);
    return found[index] === 1;
  };
}

/** Whether a node goes on behind the first of several dependencies, whichever that is. */
function isRace({ join, deps }: CompiledNode): boolean {
  return join === 'any' && deps.length > 1;
}

function byRank(one: Rank, other: Rank): number {
  return one.at - other.at || one.depth - other.depth;
}

/** Sorts what is taken over as the retry has it. */
export function inOrderOfRetry(one: TakenEntry, other: TakenEntry): number {
  return byRank(one, other) || one.seq - other.seq;
}

/** The rank of what each node has opened, or of what stands before it; `order`: every node after what it waits for. */
function ranksOf(
  nodes: readonly CompiledNode[],
  order: readonly number[],
  open: ReadonlyMap<number, Pick<Base, 'seq'>>,
): ReadonlyMap<number, Rank> {
  const ranks = new Map<number, Rank>();
  for (const index of order) {
    const before = nodes[index]?.deps.map((dep) => ranks.get(dep) as Rank) ?? [];
    const last = before.reduce(laterOf, { at: 0, depth: 0 });
    const expansion = open.get(index);
    ranks.set(index, expansion ? rankBehind(last, expansion.seq) : last);
  }
  return ranks;
}

function laterOf(one: Rank, other: Rank): Rank {
  return byRank(one, other) < 0 ? other : one;
}

/** The rank of an expansion that was recorded at `seq`, and needs what has the rank `last`. */
function rankBehind(last: Rank, seq: number): Rank {
  return seq > last.at ? { at: seq, depth: 0 } : { at: last.at, depth: last.depth + 1 };
}

function bodyOf(node: CompiledNode | undefined): readonly CompiledNode[] {
  return node?.kind === 'foreach' ? node.body : [];
}

/** Of an item whose first step has an id: which of its steps stay done. `isStopped`: its list was given up, and what had not begun was left out. */
function doneInItem(
  body: readonly CompiledNode[],
  {
    first,
    steps,
    isStopped = false,
  }: {
    readonly first: number;
    readonly steps: FormerRun['steps'];
    readonly isStopped?: boolean;
  },
): readonly boolean[] {
  const known = new Map<number, boolean>();
  const races = body.some(isRace);
  const isDone = (place: number): boolean => {
    const before = known.get(place);
    if (before !== undefined) return before;
    const node = body[place];
    const step = steps.get(first + place);
    const statusOf = (dep: number) => steps.get(first + dep)?.status;
    const isSame = !(races && isDecidedAgain(node, step));
    const isReached = isSame && isMet(node, { isDone, statusOf });
    const done = node && step && isReached && isGood(node, step, isStopped);
    known.set(place, done ?? false);
    return done ?? false;
  };
  return body.map((_, place) => isDone(place));
}

/** Whether what led to a node's being decided stays as it is. */
function isMet(
  node: CompiledNode | undefined,
  {
    isDone,
    statusOf,
  }: {
    readonly isDone: (dep: number) => boolean;
    readonly statusOf: (dep: number) => string | undefined;
  },
): boolean {
  if (!node) return false;
  if (node.deps.every(isDone)) return true;
  // Any one dependency was enough; behind a switch it is not told which one it was.
  if (node.join !== 'any' || node.cases.size > 0) return false;
  return node.deps.some((dep) => isDone(dep) && statusOf(dep) === 'succeeded');
}

function isGood(
  node: CompiledNode,
  { status, seq, isWhole }: FormerStep,
  isStopped = false,
): boolean {
  if (!isWhole) return false;
  const isDecided = node.when !== null || node.deps.length > 0 || isInline(node);
  if (status === 'skipped') return seq !== null || (!isStopped && isDecided);
  return status === 'succeeded' && (isInline(node) || seq !== null);
}
