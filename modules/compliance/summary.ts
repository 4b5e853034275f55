import { Money, z } from 'tutti';

/** What the group reports in; exchange rates are given in it. */
const groupCurrency = 'EUR';

/** A night in figures: of the module, or of the group. `missing` counts the results that did not come. */
export const Summary = z.object({
  checked: z.int(),
  flagged: z.int(),
  exposure: Money,
  missing: z.int(),
});

/** How a summary is made, in the words of an agent's instructions. */
export const summaryRule = `1. Call compliance.exchange_rate.list once with each currency that occurs in an exposure, and ${groupCurrency}.
2. Answer with checked and flagged added up over the items; exposure = every amount times the rate of its currency, added up in ${groupCurrency} and only then rounded to two decimals; missing as given. Without items the sums are 0.
Leave out no item and estimate no rate.`;

/** The currencies whose rates a summary needs; never none, so that rates are read on a night without findings, too. */
export function currenciesOf(exposures: readonly Money[]): string[] {
  return [...new Set([groupCurrency, ...exposures.map((each) => each.currency)])];
}

/** Adds up what a night examined and found. @throws INPUT_INVALID when a currency has no rate */
export function summarize(
  { items, missing }: { readonly items: readonly Figures[]; readonly missing: number },
  exposures: readonly Money[],
  rates: Readonly<Record<string, string>>,
): z.infer<typeof Summary> {
  return {
    checked: items.reduce((total, item) => total + item.checked, 0),
    flagged: items.reduce((total, item) => total + item.flagged, 0),
    exposure: Money.round(Money.sumIn(groupCurrency, exposures, rates)),
    missing,
  };
}

interface Figures {
  readonly checked: number;
  readonly flagged: number;
}
