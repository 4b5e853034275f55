import { Decimal, defineTool, z } from 'tutti';
import { rateOf, ratesAt } from '../rates.ts';

/** Rates for the conversion into the group's currency. */
export const listExchangeRates = defineTool({
  name: 'inventory.exchange_rate.list',
  description:
    "Lists what one unit of each given currency is worth in the group's currency, EUR, by the latest rate of the last seven days.",
  effect: 'read',
  category: 'reference',
  parameters: z.object({ currencies: z.array(z.string()).min(1).max(200) }),
  result: z.array(z.object({ currency: z.string(), rate: Decimal })),
}).handler(async ({ currencies }, { erp, today }) => {
  const rates = await ratesAt(erp, today);
  return currencies.map((currency) => ({ currency, rate: rateOf(currency, rates) }));
});
