import { defineAgent, Money, z } from 'tutti';
import { Tally } from '../tally.ts';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';

/** What the group reports in; exchange rates are given in it. */
const groupCurrency = 'EUR';

/** Adds up a night's work of the module. */
export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose:
    "Adds up what the finance agents examined and found in a night, in the group's currency.",
  input: z.object({ items: z.array(Tally), missing: z.int().default(0) }),
  output: z.object({ checked: z.int(), flagged: z.int(), exposure: Money, missing: z.int() }),
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 200_000 },
  tools: { listExchangeRates },
  instructions: `1. Call finance.exchange_rate.list once with each currency that occurs in an exposure, and ${groupCurrency}.
2. Answer with checked and flagged added up over the items; exposure = every amount times the rate of its currency, added up in ${groupCurrency} and only then rounded to two decimals; missing as given. Without items the sums are 0.
Leave out no item and estimate no rate.`,
}).playbook(async ({ input: { items, missing }, tools }) => {
  const exposures = items.flatMap((item) => item.exposure);
  const currencies = [...new Set([groupCurrency, ...exposures.map((each) => each.currency)])];
  const rates = await tools.listExchangeRates({ currencies });
  return {
    checked: items.reduce((total, item) => total + item.checked, 0),
    flagged: items.reduce((total, item) => total + item.flagged, 0),
    exposure: Money.round(Money.sumIn(groupCurrency, exposures, rates)),
    missing,
  };
});
