import { Day, Decimal, defineTool, z } from 'tutti';

/** Days back that a missing rate is looked for: over a long weekend of a central bank. */
const daysBack = 7;

export const listExchangeRates = defineTool({
  name: 'hr.exchange_rate.list',
  description: "Lists the latest rates into the group's currency, EUR, at the business date.",
  effect: 'read',
  category: 'reference',
  parameters: z.object({ currencies: z.array(z.string()) }),
  result: z.object({
    rates: z.array(z.object({ currency: z.string(), date: z.iso.date(), rate: Decimal })),
  }),
}).handler(async ({ currencies }, { erp, today }) => {
  const rows = await erp.exchange_rate.list(
    { currency: { in: currencies }, date: { gte: Day.add(today, -daysBack), lte: today } },
    { order: [{ field: 'date', descending: true }] },
  );
  const latest = currencies.flatMap((currency) => {
    const row = rows.find((each) => each.currency === currency);
    return row ? [{ currency, date: row.date, rate: row.rate }] : [];
  });
  return { rates: latest };
});
