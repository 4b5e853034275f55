import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const retry = 'tests/engine/retries/retry.test.ts';

/** Retries of runs that have ended. */
export const retries: readonly Mutant[] = [
  {
    id: 'a-retry-has-names-of-its-own',
    file: 'core/engine/loop/launcher.ts',
    find: '...(retry && { effectsOf: retry.root }),',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-retry-of-a-retry-has-names-of-its-own',
    file: 'core/engine/retry.ts',
    find: 'const root = pins.retry?.root ?? former.id;',
    replace: 'const root = former.id;',
    tests: [retry],
  },
  {
    id: 'what-rests-on-a-failure-stays-done',
    file: 'core/engine/store/carried.ts',
    find: 'const result = done && endsWell(index);',
    replace: 'const result = endsWell(index);',
    tests: [world, retry],
  },
  {
    id: 'lists-of-a-retry-open-as-they-were-opened',
    file: 'core/engine/store/retry-rows.ts',
    find: '(ORDER BY w.at, w.depth, w.old)',
    replace: '(ORDER BY w.old)',
    tests: ['tests/engine/retries/order.test.ts'],
  },
  {
    id: 'items-that-were-done-are-done-again',
    file: 'core/engine/run/run.ts',
    find: 'if (carried) this.#take(step, carried, now);',
    replace: '',
    tests: [world],
  },
  {
    id: 'what-was-done-is-done-again',
    file: 'core/engine/store/carried.ts',
    find: `status === 'succeeded' && (isInline(node) || seq !== null)`,
    replace: `status === 'succeeded' && isInline(node)`,
    tests: [world],
  },
  {
    id: 'a-body-that-is-gone-is-carried-as-nothing',
    file: 'core/engine/store/retry-rows.ts',
    find: 'if (lost > 0 || (!keys && !isSealed)) return lost === 0;',
    replace: 'if (lost > 0 || (!keys && !isSealed)) return true;',
    tests: [retry],
  },
  {
    id: 'a-retry-decides-again',
    file: 'core/engine/store/carried.ts',
    find: '} else if (isDecision(kind))',
    replace: '} else if (isDecision(kind) && seq < 0)',
    tests: ['tests/engine/retries/decided.test.ts'],
  },
  {
    id: 'results-in-the-order-of-their-batches',
    file: 'core/engine/run/foreach.ts',
    find: 'results[index] = {',
    replace: 'results[results.length + 0 * index] = {',
    tests: [world],
  },
];
