import { Day, Decimal, defineTool, EngineError, z } from 'tutti';

/** Rates are entered daily; one that is older than a week is not today's any more. */
const freshDays = 7;

export const listRates = defineTool({
  name: 'compliance.exchange_rate.list',
  description:
    "Tells today's exchange rate of currencies: what one unit is worth in the group's currency; the latest of the last seven days.",
  effect: 'read',
  category: 'currency',
  parameters: z.object({ currencies: z.array(z.string()).min(1) }),
  result: z.object({
    rates: z.array(z.object({ currency: z.string(), date: z.iso.date(), rate: Decimal })),
  }),
}).handler(async ({ currencies }, { erp, today }) => {
  const wanted = [...new Set(currencies)].sort();
  const rows = await erp.exchange_rate.list(
    { currency: { in: wanted }, date: { gte: Day.add(today, -freshDays), lte: today } },
    { order: [{ field: 'date', descending: true }] },
  );
  return {
    rates: wanted.map((currency) => {
      const latest = rows.find((row) => row.currency === currency);
      if (latest) return { currency, date: latest.date, rate: latest.rate };
      throw new EngineError(
        'RECORD_UNKNOWN',
        `There is no exchange rate for ${currency} in the week before ${today}; enter one.`,
      );
    }),
  };
});
