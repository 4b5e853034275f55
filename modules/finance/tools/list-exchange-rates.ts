import { Day, Decimal, defineTool, z } from 'tutti';

/** Days over which a rate stays good: over a long weekend of a central bank. */
const freshDays = 7;

/** Rates for the conversion into the group's currency. */
export const listExchangeRates = defineTool({
  name: 'finance.exchange_rate.list',
  description:
    "Tells what one unit of each given currency is worth in the group's currency, EUR, by its latest rate of the last seven days.",
  effect: 'read',
  category: 'reference',
  parameters: z.object({ currencies: z.array(z.string()).min(1).max(200) }),
  result: z.record(z.string(), Decimal),
}).handler(async ({ currencies }, { erp, today }) => {
  const rates = await erp.exchange_rate.list(
    { currency: { in: currencies }, date: { gt: Day.add(today, -freshDays), lte: today } },
    { order: [{ field: 'date' }] },
  );
  // The latest comes last and stays. By a rate that is not above zero nothing can be converted.
  const known = rates.filter(({ rate }) => Decimal.isAbove(rate, '0'));
  return Object.fromEntries(known.map(({ currency, rate }) => [currency, rate]));
});
