import { defineAgent, Money, z } from 'tutti';
import { convert, groupCurrency } from '../exposure.ts';
import { listRates } from '../tools/list-rates.ts';

export const groupSummary = defineAgent({
  name: 'group_summary',
  purpose:
    "Adds up the modules' summaries of a night: what the group's controller reads first in the morning.",
  input: z.object({
    items: z.array(z.object({ checked: z.int(), flagged: z.int(), exposure: Money })),
    /** Summaries that ended without a result. */
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
  critical: true,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 20_000 },
  tools: { listRates },
  instructions: `You add up the summaries of all modules after a night.
1. Call compliance.exchange_rate.list with the distinct currencies of the exposures and ${groupCurrency}.
2. checked and flagged are sums over the items; exposure: sum the amounts by currency, multiply each sum by its rate, add
   up, and round once to two decimals; currency ${groupCurrency}. missing is the number that you were given.
Never leave out an item; never estimate a rate.`,
}).playbook(async ({ input, tools }) => {
  const amounts = input.items.map((item) => item.exposure);
  const currencies = [groupCurrency, ...amounts.map((amount) => amount.currency)];
  const { rates } = await tools.listRates({ currencies: [...new Set(currencies)] });
  return {
    checked: input.items.reduce((sum, item) => sum + item.checked, 0),
    flagged: input.items.reduce((sum, item) => sum + item.flagged, 0),
    exposure: convert(amounts, rates),
    missing: input.missing,
  };
});
