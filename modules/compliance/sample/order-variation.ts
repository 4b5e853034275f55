/** What a look-alike does to the second order of a pair. */
export interface Variation {
  /** Shares of the limit between which the first order lies. */
  readonly first: readonly [number, number];
  /** Days of the first order, as offsets. */
  readonly days: readonly [number, number];
  /** Days from the first order to the second. */
  readonly gap: readonly [number, number];
  readonly sum: 'above' | 'equal' | 'below';
  readonly by?: 'somebody else';
  readonly isCancelled?: boolean;
}

/** Two orders, each within the limit, that together pass it. */
export const split: Variation = { first: [0.45, 0.95], days: [-80, -8], gap: [1, 5], sum: 'above' };
