import fc from 'fast-check';

/** What somebody outside has counted: an amount at an exact moment. */
export interface Counted {
  readonly at: number;
  readonly amount: number;
}

/** The most that any window of `spanMs` holds, wherever it begins; it is reached by one that ends with a count. */
export function mostInAnyWindow(counted: readonly Counted[], spanMs = 60_000): number {
  let most = 0;
  let sum = 0;
  let from = 0;
  for (const { at, amount } of counted) {
    sum += amount;
    while ((counted[from] as Counted).at <= at - spanMs) sum -= (counted[from++] as Counted).amount;
    most = Math.max(most, sum);
  }
  return most;
}

/**
 * Endless chances, 0 to 1, from a seed: fast-check's own stream takes seconds for the thousands of calls of some minutes.
 * @see https://doi.org/10.1145/159544.376068 (Park, Miller, Stockmeyer: 48271 modulo 2^31 - 1)
 */
export function* chancesFrom(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

/** Seeds of such chances. */
export const seeds = fc.integer({ min: 1, max: 2_147_483_646 });

/** The next of endless chances, 0 to 1. */
export function next(chances: IterableIterator<number>): number {
  return chances.next().value as number;
}
