import { defineAgent, z } from 'tutti';
import { currenciesOf, Summary, summarize, summaryRule } from '../summary.ts';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';

/** Adds up the night of all modules. */
export const groupSummary = defineAgent({
  name: 'group_summary',
  purpose:
    "Adds up the modules' summaries of a night: what the group's controller reads first in the morning.",
  input: z.object({
    items: z.array(Summary.omit({ missing: true })),
    missing: z.int().default(0),
  }),
  output: Summary,
  model: 'fast',
  priority: 5,
  critical: true,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 200_000 },
  tools: { listExchangeRates },
  instructions: summaryRule,
}).playbook(async ({ input, tools }) => {
  const exposures = input.items.map((item) => item.exposure);
  const rates = await tools.listExchangeRates({ currencies: currenciesOf(exposures) });
  return summarize(input, exposures, rates);
});
