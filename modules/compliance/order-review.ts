import { Day, type Erp, type Id, Money, type Row } from 'tutti';
import { isInForce } from './term.ts';

/** Days that the policy review looks back. */
const reviewDays = 90;

/** Orders under review, by date, and all limits of those who placed them. */
export interface OrderReview {
  readonly orders: readonly Row<'purchase_order'>[];
  readonly limits: readonly Row<'approval_limit'>[];
}

/** A department's orders of the last 90 days that are not cancelled. */
export async function ordersUnderReview(
  erp: Erp,
  of: { readonly department: Id<'department'>; readonly today: string },
): Promise<OrderReview> {
  const { department, today } = of;
  const orders = await erp.purchase_order.list(
    {
      department,
      date: { gte: Day.add(today, -reviewDays), lte: today },
      status: { ne: 'cancelled' },
    },
    { order: [{ field: 'date' }, { field: 'number' }] },
  );
  const buyers = [...new Set(orders.map((order) => order.buyer))];
  return { orders, limits: await erp.approval_limit.list({ user: { in: buyers } }) };
}

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
