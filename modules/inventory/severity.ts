import { Decimal, type Money, type Severity } from 'tutti';

/** From which amount on, in units of its own currency, a finding is more than `low`. */
const thresholds: readonly (readonly [from: string, severity: Severity])[] = [
  ['50000', 'critical'],
  ['5000', 'high'],
  ['500', 'medium'],
];

/** The same thresholds in the words of an agent's instructions. */
export const severityRule =
  'Severity by amount in its own currency: critical from 50000, high from 5000, medium from 500, otherwise low.';

/** How urgent a finding is by the money at stake. */
export function severityOf(amount: Money): Severity {
  const size = Decimal.abs(amount.amount);
  return thresholds.find(([from]) => Decimal.compare(size, from) >= 0)?.[1] ?? 'low';
}
