import { defineTool, Id, Money, z } from 'tutti';
import { limitOn, ordersUnderReview } from '../order-review.ts';

/** Orders that nobody was allowed to place alone. */
export const scanOrderLimits = defineTool({
  name: 'compliance.order_limit.scan',
  description:
    "Counts a department's orders of the last 90 days that are not cancelled; lists those whose buyer had no approval limit in the company that day, with the day on which the last one had ended.",
  effect: 'read',
  category: 'procurement',
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    checked: z.int(),
    orders: z.array(
      z.object({
        id: Id('purchase_order'),
        number: z.string(),
        company: z.string(),
        date: z.iso.date(),
        total: Money,
        /** Null = the buyer never had one before. */
        lapsedOn: z.iso.date().nullable(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const { orders, limits } = await ordersUnderReview(erp, { department, today });
  const without = orders.filter((order) => limitOn(order, limits) === null);
  return {
    checked: orders.length,
    orders: without.map((order) => {
      const ended = limits
        .filter((limit) => limit.user === order.buyer && limit.company === order.company)
        .flatMap((limit) => (limit.to !== null && limit.to < order.date ? [limit.to] : []));
      const { id, number, company, date, total } = order;
      return { id, number, company, date, total, lapsedOn: ended.sort().at(-1) ?? null };
    }),
  };
});
