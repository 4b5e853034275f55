import { Decimal, defineTool, z } from 'tutti';

export const listExchangeRates = defineTool({
  name: 'finance.exchange_rate.list',
  description: "Reads what one unit of each currency is worth in the group's currency today.",
  effect: 'read',
  parameters: z.object({ currencies: z.array(z.string()).min(1).max(50) }),
  result: z.array(z.object({ currency: z.string(), rate: Decimal })),
  category: 'analysis',
}).handler(async ({ currencies }, { erp, today }) => {
  const rates = await erp.exchange_rate.list({ currency: { in: currencies }, date: today });
  return rates.map(({ currency, rate }) => ({ currency, rate }));
});
