import { Decimal, defineAgent, EngineError, Money, z } from 'tutti';
import { Checked } from '../exposure.ts';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';

const groupCurrency = 'EUR';

export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose: "Adds up the night's finance checks in the group's currency.",
  input: z.object({ items: z.array(Checked), missing: z.int().default(0) }),
  output: z.object({ checked: z.int(), flagged: z.int(), missing: z.int(), exposure: Money }),
  model: 'fast',
  priority: 4,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 10_000 },
  tools: { listExchangeRates },
  instructions: `You add up the results of the night's finance agents.

1. Call finance.exchange_rate.list once with every currency of the items' exposures and ${groupCurrency}.
2. Return checked and flagged as sums over the items, missing as given, and exposure in ${groupCurrency}: for each currency the sum of its amounts x its
rate, added up and then rounded to 2 decimals. Without items it is 0.

Report no findings and change no figure.`,
}).playbook(async ({ input, tools, today }) => {
  const amounts = input.items.flatMap((item) => item.exposure);
  const currencies = [...new Set([groupCurrency, ...amounts.map((each) => each.currency)])];
  const rates = await tools.listExchangeRates({ currencies });
  const converted = amounts.map(({ amount, currency }) => {
    const rate = rates.find((each) => each.currency === currency)?.rate;
    if (rate !== undefined) return Decimal.times(amount, rate);
    throw new EngineError(
      'RECORD_UNKNOWN',
      `There is no exchange rate of ${currency} for ${today}; enter it and run the step again.`,
    );
  });
  return {
    checked: input.items.reduce((sum, item) => sum + item.checked, 0),
    flagged: input.items.reduce((sum, item) => sum + item.flagged, 0),
    missing: input.missing,
    exposure: Money.round(Money.of(Decimal.sum(converted), groupCurrency)),
  };
});
