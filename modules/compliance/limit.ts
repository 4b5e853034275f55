import { Money, type Row } from 'tutti';
import { isInForce } from './term.ts';

/** What an order's buyer could order alone on its date; the largest of several limits; null = nothing. */
export function limitOn(
  order: Pick<Row<'purchase_order'>, 'buyer' | 'company' | 'date'>,
  limits: readonly Row<'approval_limit'>[],
): Money | null {
  let largest: Money | null = null;
  for (const limit of limits) {
    if (limit.user !== order.buyer || limit.company !== order.company) continue;
    if (!isInForce(limit, order.date)) continue;
    if (largest === null || Money.isAbove(limit.amount, largest)) largest = limit.amount;
  }
  return largest;
}
