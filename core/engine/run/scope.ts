import type { ExpressionScope } from '../graph/expression.ts';
import type { RunFacts } from './facts.ts';
import { itemIn, type Result } from './foreach.ts';
import type { Item } from './step.ts';

/** What a node over other nodes' outputs sees of them. */
export interface Gathered {
  readonly items: readonly unknown[];
  /** How many there are not. */
  readonly missing: number;
}

/** What expressions see: the run's input, what its nodes have brought, and inside a foreach the item and its steps. */
export function scopeOf(
  { input, businessDate, company }: Pick<RunFacts, 'input' | 'businessDate' | 'company'>,
  nodes: ExpressionScope['nodes'],
  item: Item | null,
): ExpressionScope {
  const scope = { input, run: { today: businessDate, company: company ?? '' }, nodes };
  if (!item) return scope;
  // As of the run's own nodes: `has()` is asked of what may have failed or been skipped.
  const each = Object.fromEntries(
    item.steps
      .filter(({ status }) => status === 'succeeded')
      .map((step) => [step.place.id, { output: step.output }]),
  );
  return { ...scope, ...itemIn(item.container.node, item.value), each };
}

/** The outputs of what succeeded, and how many did not: what a reduce is given. */
export function gather(sources: readonly Result[]): Gathered {
  const succeeded = sources.filter(({ status }) => status === 'succeeded');
  return {
    items: succeeded.map(({ output }) => output),
    missing: sources.length - succeeded.length,
  };
}
