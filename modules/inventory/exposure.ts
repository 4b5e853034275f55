import { Money, z } from 'tutti';

/** What each agent of a night returns: records examined, findings reported, money at stake, one amount a currency. */
export const Checked = z.object({
  checked: z.int(),
  flagged: z.int(),
  exposure: z.array(Money),
});

/** Adds up amounts by currency, without their signs, currencies in alphabetical order. */
export function exposureOf(amounts: readonly Money[]): Money[] {
  const byCurrency = Map.groupBy(amounts, (amount) => amount.currency);
  return [...byCurrency.keys()].sort().map((currency) => {
    const own = byCurrency.get(currency) ?? [];
    return Money.round(Money.sum(currency, own.map(Money.abs)));
  });
}
