import { Decimal, EngineError, type Erp, Money } from 'tutti';
import { addDays } from './calendar.ts';

/** The currency in which the group reports and in which standard costs are kept. */
export const groupCurrency = 'EUR';

/** How many days old a rate may be: long enough for the longest run of bank holidays. */
const oldestDays = 10;

/** What one unit of each currency is worth in the group's, by the latest rate up to a day. */
export async function ratesAt(erp: Erp, day: string): Promise<ReadonlyMap<string, string>> {
  const rows = await erp.exchange_rate.list(
    { date: { lte: day, gt: addDays(day, -oldestDays) } },
    { order: [{ field: 'date' }] },
  );
  // Later rows replace earlier ones.
  return new Map([[groupCurrency, '1'], ...rows.map((row) => [row.currency, row.rate] as const)]);
}

/** Turns an amount of the group's currency into another. @throws INPUT_INVALID when there is no recent rate */
export function fromGroup(
  money: Money,
  currency: string,
  rates: ReadonlyMap<string, string>,
): Money {
  return Money.of(Decimal.over(money.amount, rateOf(currency, rates)), currency);
}

/** Turns an amount into the group's currency. @throws INPUT_INVALID when there is no recent rate */
export function toGroup(money: Money, rates: ReadonlyMap<string, string>): Money {
  return Money.of(Decimal.times(money.amount, rateOf(money.currency, rates)), groupCurrency);
}

/** The rate of a currency. @throws INPUT_INVALID when there is no recent one */
export function rateOf(currency: string, rates: ReadonlyMap<string, string>): string {
  const rate = rates.get(currency);
  if (rate !== undefined) return rate;
  throw new EngineError(
    'INPUT_INVALID',
    `There is no exchange rate of ${currency} in the last ${oldestDays} days; add one and run again.`,
  );
}
