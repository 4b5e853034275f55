import { Decimal, defineTool, Id, z } from 'tutti';
import { ordersAtOnce } from '../portions.ts';

/** What came of what was ordered. */
export const listReceipts = defineTool({
  name: 'finance.receipt.list',
  description: 'Sums what was accepted against each line of the given orders, over all receipts.',
  effect: 'read',
  parameters: z.object({ orders: z.array(Id('purchase_order')).max(ordersAtOnce) }),
  result: z.array(
    z.object({ order: Id('purchase_order'), orderLine: z.string(), accepted: Decimal }),
  ),
  category: 'payables',
}).handler(async ({ orders }, { erp }) => {
  if (orders.length === 0) return [];
  const receipts = await erp.goods_receipt.list({ order: { in: orders } });
  const lines = receipts.flatMap(({ order, lines: each }) =>
    each.map(({ orderLine, accepted }) => ({ order, orderLine, accepted })),
  );
  return [
    ...Map.groupBy(lines, (line) => JSON.stringify([line.order, line.orderLine])).values(),
  ].map((same) => ({
    order: same[0]?.order ?? '',
    orderLine: same[0]?.orderLine ?? '',
    accepted: Decimal.sum(same.map((line) => line.accepted)),
  }));
});
