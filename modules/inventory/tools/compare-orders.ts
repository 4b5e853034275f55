import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { compareDelivery, deliveryTolerancePercent } from '../delivery.ts';

/** As many orders as one call may name. */
export const ordersAtOnce = 1000;

/** Orders against all that came for them. */
export const compareOrders = defineTool({
  name: 'inventory.order.compare',
  description:
    'Compares purchase orders with all their goods receipts: accepted and rejected pieces of each line that did not come exactly as ordered, and the latest receipt, in whatever warehouse.',
  effect: 'read',
  category: 'receiving',
  parameters: z.object({ orders: z.array(Id('purchase_order')).min(1).max(ordersAtOnce) }),
  result: z.object({
    tolerancePercent: Decimal,
    orders: z.array(
      z.object({
        order: Id('purchase_order'),
        number: z.string(),
        company: z.string(),
        status: z.enum(['draft', 'open', 'received', 'closed', 'cancelled']),
        expectedOn: z.iso.date(),
        lastReceipt: Id('goods_receipt').nullable(),
        acceptedValue: Money,
        deviations: z.array(
          z.object({
            line: z.string(),
            product: Id('product'),
            ordered: Decimal,
            accepted: Decimal,
            rejected: Decimal,
            differencePercent: Decimal,
            differenceValue: Money,
            /** What neither came nor was rejected. */
            missingPercent: Decimal,
            missingValue: Money,
            rejectedValue: Money,
            rejections: z.array(z.object({ receipt: Id('goods_receipt'), value: Money })),
          }),
        ),
      }),
    ),
  }),
}).handler(async ({ orders }, { erp, today }) => {
  const [found, receipts] = await Promise.all([
    erp.purchase_order.list({ id: { in: orders } }),
    erp.goods_receipt.list(
      { order: { in: orders } },
      { order: [{ field: 'date' }, { field: 'number' }] },
    ),
  ]);
  const byOrder = Map.groupBy(receipts, (receipt) => receipt.order);
  return {
    tolerancePercent: deliveryTolerancePercent,
    orders: found.map((order) => {
      const { deviations, ...delivery } = compareDelivery(
        order,
        byOrder.get(order.id) ?? [],
        today,
      );
      return {
        ...delivery,
        deviations: deviations.map((line) => ({ ...line, rejections: [...line.rejections] })),
      };
    }),
  };
});
