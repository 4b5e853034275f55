import type { Join } from '../../sdk/node.ts';
import type { CompiledNode } from '../graph/compiled.ts';
import { isTerminal } from './states.ts';
import type { Step } from './step.ts';

/** What a node may do, as far as its dependencies have ended. */
export type Verdict = 'wait' | 'go' | 'skip';

interface Tally {
  readonly join: Join;
  readonly total: number;
  succeeded: number;
  other: number;
}

/**
 * Counts the ends of dependencies, O(1) an edge. The table: `all_succeeded` goes when all have succeeded and skips at the
 * first that has not; `all_done` goes when all have ended; `any` goes at the first success and skips when none is left.
 */
export class Joins {
  readonly #tallies: readonly Tally[];

  constructor(nodes: readonly { readonly join: Join; readonly deps: readonly number[] }[]) {
    this.#tallies = nodes.map((node) => ({
      join: node.join,
      total: node.deps.length,
      succeeded: 0,
      other: 0,
    }));
  }

  /** Notes that one dependency of the node has ended. */
  after(node: number, succeeded: boolean): Verdict {
    const tally = this.#tallies[node] as Tally;
    if (succeeded) tally.succeeded += 1;
    else tally.other += 1;
    return verdict(tally);
  }

  /** The verdict for one node of an item's small graph, counted afresh. */
  static among(
    place: Pick<CompiledNode, 'join' | 'deps' | 'cases'>,
    steps: readonly Step[],
  ): Verdict {
    const tally = { join: place.join, total: place.deps.length, succeeded: 0, other: 0 };
    for (const dep of place.deps) {
      const step = steps[dep] as Step;
      if (serves(place, dep, step)) tally.succeeded += 1;
      else if (isTerminal(step.status)) tally.other += 1;
    }
    return verdict(tally);
  }
}

/** Whether an ended step is what a node waits for: it succeeded and, as a switch, chose the case that the node stands behind. */
export function serves(place: Pick<CompiledNode, 'cases'>, dep: number, step: Step): boolean {
  if (step.status !== 'succeeded') return false;
  const wanted = place.cases.get(dep);
  return wanted === undefined || (step.output as { readonly case?: string }).case === wanted;
}

function verdict({ join, total, succeeded, other }: Tally): Verdict {
  const done = succeeded + other === total;
  switch (join) {
    case 'all_succeeded':
      if (other > 0) return 'skip';
      return done ? 'go' : 'wait';
    case 'all_done':
      return done ? 'go' : 'wait';
    case 'any':
      if (succeeded > 0) return 'go';
      return done ? 'skip' : 'wait';
  }
}
