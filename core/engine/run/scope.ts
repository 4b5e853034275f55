import type { ExpressionScope } from '../graph/expression.ts';
import type { RunFacts } from './facts.ts';
import type { Item, Step } from './step.ts';

/** What expressions see: the run's input, what its nodes have brought, and inside a foreach the item and its steps. */
export function scopeOf(
  { input, businessDate, company }: RunFacts,
  nodes: ExpressionScope['nodes'],
  item: Item | null,
): ExpressionScope {
  const scope = { input, run: { today: businessDate, company: company ?? '' }, nodes };
  if (!item) return scope;
  const each = Object.fromEntries(
    item.steps.map((step) => [step.place.id, { output: step.output }]),
  );
  return { ...scope, item: item.value, each };
}

/** What a reduce is given: the outputs of the steps that succeeded, and how many did not. */
export function reduceInput(sources: readonly Step[]): {
  readonly items: readonly unknown[];
  readonly missing: number;
} {
  const succeeded = sources.filter((step) => step.status === 'succeeded');
  return {
    items: succeeded.map((step) => step.output),
    missing: sources.length - succeeded.length,
  };
}
