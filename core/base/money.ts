import { Big } from 'big.js';
import { z } from 'zod';
import { minorPlaces } from './currency.ts';
import { EngineError } from './errors.ts';

/** A decimal number as text, as ERPs exchange them: no exponent, no float on the way. */
const decimalPattern = /^-?\d+(\.\d+)?$/;

/** Zod schema of a decimal in text, for quantities, hours and rates. */
export const Decimal = Object.assign(
  z.string().regex(decimalPattern, 'must be a decimal number in text, for example "12.50"'),
  {
    plus: (a: string, b: string): string => text(Big(a).plus(b)),
    minus: (a: string, b: string): string => text(Big(a).minus(b)),
    times: (a: string, b: string): string => text(Big(a).times(b)),
    /** Rounded half away from zero to `places` (default 10). */
    over: (a: string, b: string, places = 10): string => text(Big(a).times(1).div(b).round(places)),
    abs: (a: string): string => text(Big(a).abs()),
    sum: (values: readonly string[]): string =>
      text(values.reduce((sum, value) => sum.plus(value), Big(0))),
    compare: (a: string, b: string): -1 | 0 | 1 => Big(a).cmp(b),
    isAbove: (a: string, b: string): boolean => Big(a).gt(b),
    isZero: (a: string): boolean => Big(a).eq(0),
    /** Rounded half away from zero. */
    round: (a: string, places: number): string =>
      Big(a).round(places, Big.roundHalfUp).toFixed(places),
  },
);
export type Decimal = string;

const schema = z.object({
  amount: Decimal,
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
});

/** An amount in one currency: decimal text and ISO 4217. */
export type Money = z.infer<typeof schema>;

/**
 * Zod schema of an amount, and its arithmetic. Results keep every decimal place; `round` is explicit.
 * @throws INPUT_INVALID when two currencies meet, or one has no rate
 */
export const Money = Object.assign(schema, {
  of: (amount: string, currency: string): Money => ({ amount, currency }),
  zero: (currency: string): Money => ({ amount: '0', currency }),
  plus: (a: Money, b: Money): Money => combine(a, b, 'plus'),
  minus: (a: Money, b: Money): Money => combine(a, b, 'minus'),
  times: (money: Money, factor: string): Money => ({
    ...money,
    amount: text(Big(money.amount).times(factor)),
  }),
  abs: (money: Money): Money => ({ ...money, amount: text(Big(money.amount).abs()) }),
  negate: (money: Money): Money => ({ ...money, amount: text(Big(money.amount).neg()) }),
  sum: (currency: string, values: readonly Money[]): Money =>
    values.reduce((sum, value) => combine(sum, value, 'plus'), { amount: '0', currency }),
  /** One sum a currency, currencies in alphabetical order; [] without values. */
  sumByCurrency: (values: readonly Money[]): Money[] =>
    [...Map.groupBy(values, (value) => value.currency)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, own]) => Money.sum(currency, own)),
  /** The same worth in another currency, `rate` being what one unit of its own is worth there; every decimal place is kept. */
  convert: (money: Money, rate: string, to: string): Money =>
    Money.of(text(Big(money.amount).times(rate)), to),
  /** The sum of a mixed list in one currency; `rates` says by currency what one unit is worth there. Its own needs no rate. */
  sumIn: (
    currency: string,
    values: readonly Money[],
    rates: Readonly<Record<string, string>>,
  ): Money =>
    Money.sum(
      currency,
      Money.sumByCurrency(values).map((sum) =>
        sum.currency === currency ? sum : Money.convert(sum, rateOf(sum.currency, rates), currency),
      ),
    ),
  compare: (a: Money, b: Money): -1 | 0 | 1 => Big(a.amount).cmp(sameCurrency(a, b).amount),
  isAbove: (a: Money, b: Money): boolean => Big(a.amount).gt(sameCurrency(a, b).amount),
  equals: (a: Money, b: Money): boolean => a.currency === b.currency && Big(a.amount).eq(b.amount),
  isZero: (money: Money): boolean => Big(money.amount).eq(0),
  /** Rounded half away from zero to `places` decimals; by default to those of the currency (ISO 4217): 2 for most, 0 for JPY, 3 for KWD. */
  round: (money: Money, places = minorPlaces(money.currency)): Money => ({
    ...money,
    amount: Big(money.amount).round(places, Big.roundHalfUp).toFixed(places),
  }),
});

function combine(a: Money, b: Money, operation: 'plus' | 'minus'): Money {
  return {
    amount: text(Big(a.amount)[operation](sameCurrency(a, b).amount)),
    currency: a.currency,
  };
}

function sameCurrency(a: Money, b: Money): Money {
  if (a.currency === b.currency) return b;
  throw new EngineError(
    'INPUT_INVALID',
    `Cannot combine ${a.currency} with ${b.currency}; convert one of them first.`,
  );
}

function rateOf(currency: string, rates: Readonly<Record<string, string>>): string {
  const rate = rates[currency];
  if (rate !== undefined) return rate;
  throw new EngineError(
    'INPUT_INVALID',
    `There is no exchange rate of ${currency} (known: ${Object.keys(rates).join(', ') || 'none'}); enter one and run again.`,
  );
}

function text(value: Big): string {
  return value.toFixed();
}
