import { Day, Decimal, defineTool, EngineError, z } from 'tutti';

/** Days over which a rate stays good: over a long weekend of a central bank. */
const freshDays = 7;

export const listExchangeRates = defineTool({
  name: 'compliance.exchange_rate.list',
  description:
    "Lists what one unit of each given currency is worth in the group's currency, EUR, by the latest rate of the last seven days.",
  effect: 'read',
  category: 'reference',
  parameters: z.object({ currencies: z.array(z.string()).min(1).max(200) }),
  result: z.array(z.object({ currency: z.string(), rate: Decimal })),
}).handler(async ({ currencies }, { erp, today }) => {
  const rows = await erp.exchange_rate.list(
    { currency: { in: currencies }, date: { gt: Day.add(today, -freshDays), lte: today } },
    { order: [{ field: 'date', descending: true }] },
  );
  return currencies.map((currency) => {
    const latest = rows.find((row) => row.currency === currency);
    if (latest) return { currency, rate: latest.rate };
    throw new EngineError(
      'RECORD_UNKNOWN',
      `There is no exchange rate of ${currency} in the last ${freshDays} days; enter one and run again.`,
    );
  });
});
