import { Money, z } from 'tutti';

/** What every nightly agent of the module returns: records examined, findings reported, money at stake per currency. */
export const Checked = z.object({
  checked: z.int(),
  flagged: z.int(),
  exposure: z.array(Money),
});

/** Adds up amounts, one sum per currency in alphabetical order, without sign. */
export function exposureOf(amounts: readonly Money[]): Money[] {
  const byCurrency = Map.groupBy(amounts, (amount) => amount.currency);
  return [...byCurrency]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, each]) => Money.round(Money.sum(currency, each.map(Money.abs))));
}
