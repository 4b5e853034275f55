import { defineAgent, Money, z } from 'tutti';
import { convert, groupCurrency } from '../exposure.ts';
import { listRates } from '../tools/list-rates.ts';

export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose:
    "Adds up a night's compliance checks: records examined, findings, and money at stake in the group's currency.",
  input: z.object({
    items: z.array(z.object({ checked: z.int(), flagged: z.int(), exposure: z.array(Money) })),
    /** Checks that ended without a result. */
    missing: z.int().default(0),
  }),
  output: z.object({
    checked: z.int(),
    flagged: z.int(),
    exposure: Money,
    missing: z.int(),
  }),
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 20_000 },
  tools: { listRates },
  instructions: `You add up the results of a night's compliance checks.
1. Call compliance.exchange_rate.list with the distinct currencies of all exposures and ${groupCurrency}.
2. checked and flagged are sums over the items; exposure: sum the amounts by currency, multiply each sum by its rate, add
   up, and round once to two decimals; currency ${groupCurrency}. missing is the number that you were given.
Never leave out an item; never estimate a rate.`,
}).playbook(async ({ input, tools }) => {
  const amounts = input.items.flatMap((item) => item.exposure);
  const currencies = [groupCurrency, ...amounts.map((amount) => amount.currency)];
  const { rates } = await tools.listRates({ currencies: [...new Set(currencies)] });
  return {
    checked: input.items.reduce((sum, item) => sum + item.checked, 0),
    flagged: input.items.reduce((sum, item) => sum + item.flagged, 0),
    exposure: convert(amounts, rates),
    missing: input.missing,
  };
});
