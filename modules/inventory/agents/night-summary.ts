import { defineAgent, Money, z } from 'tutti';
import { groupCurrency } from '../rates.ts';
import { Tally } from '../tally.ts';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';

/** Adds up a night's work of the module. */
export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose:
    "Adds up what the inventory agents examined and found in a night, in the group's currency.",
  input: z.object({ items: z.array(Tally), missing: z.int().default(0) }),
  output: z.object({ checked: z.int(), flagged: z.int(), exposure: Money, missing: z.int() }),
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 200_000 },
  tools: { listExchangeRates },
  instructions: `1. Call inventory.exchange_rate.list once.
2. Answer with checked and flagged added up over the items; exposure = every amount times the rate of its currency, added up in ${groupCurrency} and only then rounded to two decimals; missing as given. Without items the sums are 0.
Leave out no item and estimate no rate.`,
}).playbook(async ({ input: { items, missing }, tools }) => {
  const exposures = items.flatMap((item) => item.exposure);
  const rates = await tools.listExchangeRates({});
  return {
    checked: items.reduce((total, item) => total + item.checked, 0),
    flagged: items.reduce((total, item) => total + item.flagged, 0),
    exposure: Money.round(Money.sumIn(groupCurrency, exposures, rates)),
    missing,
  };
});
