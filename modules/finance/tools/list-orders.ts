import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { ordersAtOnce } from '../portions.ts';

/** What was agreed, and what is charged for it already. */
export const listOrders = defineTool({
  name: 'finance.order.list',
  description:
    'Reads orders with their vendor and lines, and which quantities all bills of an order charge that are neither cancelled nor held as duplicates.',
  effect: 'read',
  parameters: z.object({ orders: z.array(Id('purchase_order')).max(ordersAtOnce) }),
  result: z.array(
    z.object({
      id: Id('purchase_order'),
      number: z.string(),
      company: z.string(),
      vendor: Id('party'),
      status: z.enum(['draft', 'open', 'received', 'closed', 'cancelled']),
      matching: z.enum(['three_way', 'two_way']),
      lines: z.array(z.object({ id: z.string(), quantity: Decimal, price: Money })),
      /** One element for each line of each bill. */
      billed: z.array(z.object({ bill: Id('bill'), orderLine: z.string(), quantity: Decimal })),
    }),
  ),
  category: 'payables',
}).handler(async ({ orders }, { erp }) => {
  if (orders.length === 0) return [];
  const [found, bills] = await Promise.all([
    erp.purchase_order.list({ id: { in: orders } }),
    erp.bill.list({ order: { in: orders }, status: { in: ['draft', 'open', 'paid'] } }),
  ]);
  // What somebody holds because it came twice charges nothing: the bill that it repeats does.
  const charging = bills.filter((bill) => bill.hold !== 'duplicate');
  const billsOf = Map.groupBy(charging, (bill) => bill.order);
  return found.map(({ id, number, company, vendor, status, matching, lines }) => ({
    ...{ id, number, company, vendor, status, matching },
    lines: lines.map((line) => ({ id: line.id, quantity: line.quantity, price: line.price })),
    billed: (billsOf.get(id) ?? []).flatMap((bill) =>
      bill.lines.flatMap(({ orderLine, quantity }) =>
        orderLine === null ? [] : [{ bill: bill.id, orderLine, quantity }],
      ),
    ),
  }));
});
