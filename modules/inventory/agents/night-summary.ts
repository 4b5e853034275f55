import { defineAgent, Money, z } from 'tutti';
import { Checked } from '../exposure.ts';
import { toGroup } from '../rates.ts';
import { listRates } from '../tools/list-rates.ts';

/** Adds up a night's work of the module. */
export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose: 'Adds up what the inventory agents of a night examined and found.',
  input: z.object({ items: z.array(Checked), missing: z.int().default(0) }),
  output: z.object({ checked: z.int(), flagged: z.int(), exposure: Money }),
  model: 'fast',
  priority: 3,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 20_000 },
  tools: { listRates },
  instructions: `You add up results of a night.
1. List the exchange rates.
2. Answer with checked and flagged added up over all items, and exposure in the group's currency: each amount times the rate of its currency, added up, rounded to cents at the end. No items: zeros.
'missing' says how many results did not come; it changes no sum. There are no findings to report.`,
}).playbook(async ({ input, tools }) => {
  const { group, rates } = await tools.listRates({});
  const byCurrency = new Map(rates.map(({ currency, rate }) => [currency, rate]));
  const amounts = input.items.flatMap((item) => item.exposure);
  return {
    checked: input.items.reduce((sum, item) => sum + item.checked, 0),
    flagged: input.items.reduce((sum, item) => sum + item.flagged, 0),
    exposure: Money.round(
      Money.sum(
        group,
        amounts.map((amount) => toGroup(amount, byCurrency)),
      ),
    ),
  };
});
