import { Decimal, defineTool, z } from 'tutti';
import { groupCurrency, ratesAt } from '../rates.ts';

/** Rates for the conversion into the group's currency. */
export const listRates = defineTool({
  name: 'inventory.rate.list',
  description: 'Lists what one unit of each currency is worth in the group’s currency today.',
  effect: 'read',
  category: 'valuation',
  parameters: z.object({}),
  result: z.object({
    group: z.string(),
    rates: z.array(z.object({ currency: z.string(), rate: Decimal })),
  }),
}).handler(async (_, { erp, today }) => ({
  group: groupCurrency,
  rates: [...(await ratesAt(erp, today))].map(([currency, rate]) => ({ currency, rate })),
}));
