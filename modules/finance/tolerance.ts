import { Decimal } from 'tutti';

/** A company's limits for a line of a bill. */
export interface Tolerance {
  readonly amount: { readonly amount: string };
  /** Per cent. */
  readonly percent: string;
}

/**
 * How far a line worth `expected` may differ: the smaller of the two limits, since both must hold, as in the tolerance keys
 * of the large ERPs. A company without limits allows nothing.
 */
export function allowedDifference(expected: string, tolerance: Tolerance | undefined): string {
  if (!tolerance) return '0';
  const share = Decimal.times(Decimal.abs(expected), Decimal.times(tolerance.percent, '0.01'));
  return Decimal.isAbove(share, tolerance.amount.amount) ? tolerance.amount.amount : share;
}
