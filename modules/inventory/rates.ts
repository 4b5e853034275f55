import { Day, Decimal, EngineError, type Erp, Money } from 'tutti';

/** The currency in which the group reports and in which standard costs are kept. */
export const groupCurrency = 'EUR';

/** Days over which a rate stays good: over a long weekend of a central bank. */
const freshDays = 7;

/** What one unit of each currency is worth in the group's, by its latest rate of the seven days up to `day`. */
export async function ratesAt(erp: Erp, day: string): Promise<ReadonlyMap<string, string>> {
  const rows = await erp.exchange_rate.list(
    { date: { gt: Day.add(day, -freshDays), lte: day } },
    { order: [{ field: 'date' }] },
  );
  // Later rows replace earlier ones. By a rate that is not above zero nothing can be converted.
  const known = rows.filter(({ rate }) => Decimal.isAbove(rate, '0'));
  return new Map([[groupCurrency, '1'], ...known.map((row) => [row.currency, row.rate] as const)]);
}

/** Turns an amount of the group's currency into another. @throws RECORD_UNKNOWN when there is no fresh rate */
export function fromGroup(
  money: Money,
  currency: string,
  rates: ReadonlyMap<string, string>,
): Money {
  return Money.of(Decimal.over(money.amount, rateOf(currency, rates)), currency);
}

function rateOf(currency: string, rates: ReadonlyMap<string, string>): string {
  const rate = rates.get(currency);
  if (rate !== undefined) return rate;
  throw new EngineError(
    'RECORD_UNKNOWN',
    `There is no exchange rate of ${currency} in the last ${freshDays} days; enter one and run again.`,
  );
}
