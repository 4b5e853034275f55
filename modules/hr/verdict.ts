import { Money, z } from 'tutti';

/** What a nightly agent of this module reports for one unit: records examined, findings, and the money at stake by currency. */
export const Verdict = z.object({
  checked: z.int(),
  flagged: z.int(),
  exposure: z.array(Money),
});

/** Adds amounts up by currency, currencies in alphabetical order. */
export function sumByCurrency(amounts: readonly Money[]): readonly Money[] {
  return [...Map.groupBy(amounts, (amount) => amount.currency)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, own]) => Money.sum(currency, own));
}
