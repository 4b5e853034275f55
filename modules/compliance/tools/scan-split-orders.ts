import { defineTool, Id, Money, type Row, z } from 'tutti';
import { limitOn, ordersUnderReview } from '../order-review.ts';
import { splitRuns } from '../split-run.ts';

/** Orders that may be one need in parts. */
export const scanSplitOrders = defineTool({
  name: 'compliance.split_order.scan',
  description:
    "Lists runs among a department's orders of the last 90 days: orders of one buyer to one vendor, each at most five days after the one before and within the buyer's limit; with the run's sum and that limit.",
  effect: 'read',
  category: 'procurement',
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    runs: z.array(
      z.object({
        company: z.string(),
        /** By date. */
        orders: z.array(z.object({ id: Id('purchase_order'), number: z.string(), total: Money })),
        sum: Money,
        limit: Money,
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const { orders, limits } = await ordersUnderReview(erp, { department, today });
  const single = orders.filter((order) => isWithinLimit(order, limits));
  return {
    runs: splitRuns(single).map((run) => ({
      company: run[0].company,
      orders: run.map(({ id, number, total }) => ({ id, number, total })),
      sum: Money.sum(
        run[0].total.currency,
        run.map((order) => order.total),
      ),
      limit: smallestLimit(run, limits),
    })),
  };
});

/** Larger orders were approved by somebody else, and orders without a limit are another matter. */
function isWithinLimit(
  order: Row<'purchase_order'>,
  limits: readonly Row<'approval_limit'>[],
): boolean {
  const limit = limitOn(order, limits);
  return limit !== null && !Money.isAbove(order.total, limit);
}

/** What each order of the run had to keep to; the smallest where the limit changed in between. */
function smallestLimit(
  run: readonly [Row<'purchase_order'>, ...Row<'purchase_order'>[]],
  limits: readonly Row<'approval_limit'>[],
): Money {
  const found = run.flatMap((order) => limitOn(order, limits) ?? []);
  return found.reduce((least, limit) => (Money.isAbove(least, limit) ? limit : least));
}
