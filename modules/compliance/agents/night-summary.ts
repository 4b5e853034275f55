import { defineAgent, z } from 'tutti';
import { currenciesOf, Summary, summarize, summaryRule } from '../summary.ts';
import { Tally } from '../tally.ts';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';

/** Adds up a night's work of the module. */
export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose:
    "Adds up what the compliance agents examined and found in a night, in the group's currency.",
  input: z.object({ items: z.array(Tally), missing: z.int().default(0) }),
  output: Summary,
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 200_000 },
  tools: { listExchangeRates },
  instructions: summaryRule,
}).playbook(async ({ input, tools }) => {
  const exposures = input.items.flatMap((item) => item.exposure);
  const rates = await tools.listExchangeRates({ currencies: currenciesOf(exposures) });
  return summarize(input, exposures, rates);
});
