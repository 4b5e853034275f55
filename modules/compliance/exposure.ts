import { EngineError, Money } from 'tutti';

/** Sums amounts by currency, currencies in alphabetical order; [] when there are none. */
export function exposureOf(amounts: readonly Money[]): Money[] {
  return [...Map.groupBy(amounts, (amount) => amount.currency)]
    .map(([currency, own]) => Money.sum(currency, own))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/**
 * The sum of amounts in the group's currency, to the cent; the sums by currency are converted, so one rounding is made.
 * @throws INPUT_INVALID when a currency has no rate
 */
export function convert(
  amounts: readonly Money[],
  rates: readonly { readonly currency: string; readonly rate: string }[],
): Money {
  const converted = exposureOf(amounts).map((amount) => {
    const rate = rates.find((each) => each.currency === amount.currency)?.rate;
    if (rate !== undefined) return Money.of(Money.times(amount, rate).amount, groupCurrency);
    throw new EngineError(
      'INPUT_INVALID',
      `There is no exchange rate for ${amount.currency}; enter one and run the summary again.`,
    );
  });
  return Money.round(Money.sum(groupCurrency, converted));
}

/** What the group reports in; exchange rates are given in it. */
export const groupCurrency = 'EUR';
