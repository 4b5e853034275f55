import { Decimal, type Money, type Severity } from 'tutti';

/** From which amount on, in units of its own currency, a finding is more than `low`. */
const thresholds: readonly (readonly [from: string, severity: Severity])[] = [
  ['50000', 'critical'],
  ['5000', 'high'],
  ['500', 'medium'],
];

/** The thresholds in the words of an agent's instructions. */
export const severityRule = `Severity by the amount, in its own currency: ${thresholds
  .map(([from, severity]) => `${severity} from ${from}`)
  .join(', ')}, else low.`;

/** How urgent a finding is by the money at stake. */
export function severityOf(amount: Money): Severity {
  const size = Decimal.abs(amount.amount);
  return thresholds.find(([from]) => Decimal.compare(size, from) >= 0)?.[1] ?? 'low';
}
