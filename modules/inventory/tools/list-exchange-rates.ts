import { Decimal, defineTool, z } from 'tutti';
import { ratesAt } from '../rates.ts';

/** Rates for the conversion into the group's currency. */
export const listExchangeRates = defineTool({
  name: 'inventory.exchange_rate.list',
  description:
    "Tells what one unit of each currency is worth in the group's currency, EUR, by its latest rate of the last seven days.",
  effect: 'read',
  category: 'reference',
  parameters: z.object({}),
  result: z.record(z.string(), Decimal),
}).handler(async (_, { erp, today }) => Object.fromEntries(await ratesAt(erp, today)));
