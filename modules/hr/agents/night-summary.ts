import { defineAgent, EngineError, Money, z } from 'tutti';
import { listExchangeRates } from '../tools/list-exchange-rates.ts';
import { sumByCurrency, Verdict } from '../verdict.ts';

/** The group's currency. */
const groupCurrency = 'EUR';

export const nightSummary = defineAgent({
  name: 'night_summary',
  purpose: "Adds up what the module's agents found in a night, in the group's currency.",
  input: z.object({ items: z.array(Verdict), missing: z.int().default(0) }),
  output: z.object({ checked: z.int(), flagged: z.int(), exposure: Money }),
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 4, costMicroUsd: 20_000 },
  tools: { listExchangeRates },
  instructions: `You add up the night's results. Call hr.exchange_rate.list once with every currency that occurs in the items' exposure, and EUR.
Answer with checked and flagged = the sums over the items, and exposure = the items' exposures added up by currency, each sum times its rate, the whole in EUR
rounded to two places. Items that are missing count for nothing. Report no findings.`,
}).playbook(async ({ input, tools }) => {
  const sums = sumByCurrency(input.items.flatMap((item) => item.exposure));
  const currencies = [...new Set([groupCurrency, ...sums.map((sum) => sum.currency)])];
  const { rates } = await tools.listExchangeRates({ currencies });
  const exposure = Money.sum(
    groupCurrency,
    sums.map((sum) => {
      if (sum.currency === groupCurrency) return sum;
      const rate = rates.find((each) => each.currency === sum.currency)?.rate;
      if (rate !== undefined) return { ...Money.times(sum, rate), currency: groupCurrency };
      throw new EngineError(
        'AGENT_FAILED',
        `No exchange rate from ${sum.currency} to ${groupCurrency} in the last week; enter one.`,
      );
    }),
  );
  return {
    checked: input.items.reduce((sum, item) => sum + item.checked, 0),
    flagged: input.items.reduce((sum, item) => sum + item.flagged, 0),
    exposure: Money.round(exposure),
  };
});
