import { Decimal, defineAgent, Id, Money, z } from 'tutti';
import { Tally } from '../tally.ts';
import { openCase } from '../tools/open-case.ts';
import { scanOrderLimits } from '../tools/scan-order-limits.ts';
import { scanSplitOrders } from '../tools/scan-split-orders.ts';

/** From this multiple of the limit on, a split is grave. */
const graveShare = '1.5';

/** Finds orders that went past an approval limit. */
export const policyExceptionReview = defineAgent({
  name: 'policy_exception_review',
  purpose:
    'Finds orders that were split to stay within an approval limit, and orders placed without one.',
  input: z.object({ department: Id('department') }),
  output: Tally,
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 200_000 },
  tools: { scanSplitOrders, scanOrderLimits, openCase },
  findings: {
    'order.split':
      'Orders of one buyer to one vendor within days of each other: each within the limit, their sum above it.',
    'order.without_limit':
      "An order whose buyer had no approval limit in the company on the order's date.",
  },
  instructions: `1. Call compliance.split_order.scan and compliance.order_limit.scan with the department.
2. Report order.split for each run whose sum is above its limit; equal is in order. Records: [purchase_order, ...]: the first three of its orders, or both. Company: the run's. Amount: its sum. Severity: high when the sum is ${graveShare} times the limit or more, else medium.
3. Report order.without_limit for each order of compliance.order_limit.scan. Records: [purchase_order]. Company: the order's. Amount: its total. Severity: high when lapsedOn is null, else medium.
4. For each finding call compliance.case.open: for order.split with kind split_order, the run's first order as order and all its others, in their order, as others; for order.without_limit with kind missing_limit and the order.
Answer with checked = checked of compliance.order_limit.scan, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding }) => {
  const [{ runs }, limits] = await Promise.all([
    tools.scanSplitOrders(input),
    tools.scanOrderLimits(input),
  ]);
  const amounts: Money[] = [];
  for (const { orders, company, sum, limit } of runs) {
    if (!Money.isAbove(sum, limit)) continue;
    const [first, ...others] = orders.map((order) => order.id);
    if (first === undefined) continue;
    await tools.openCase({ kind: 'split_order', order: first, others });
    amounts.push(sum);
    const isGrave = Decimal.compare(sum.amount, Decimal.times(limit.amount, graveShare)) >= 0;
    finding({
      kind: 'order.split',
      severity: isGrave ? 'high' : 'medium',
      company,
      amount: sum,
      records: orders.slice(0, 3).map(({ id }) => ({ entity: 'purchase_order', id })),
      summary: `Orders ${orders.map((order) => order.number).join(', ')} come to ${sum.amount} ${sum.currency}; alone none passes the buyer's limit of ${limit.amount}.`,
      evidence: { orders: orders.length, sum: sum.amount, limit: limit.amount },
    });
  }
  for (const { id, number, company, date, total, lapsedOn } of limits.orders) {
    await tools.openCase({ kind: 'missing_limit', order: id });
    amounts.push(total);
    finding({
      kind: 'order.without_limit',
      severity: lapsedOn === null ? 'high' : 'medium',
      company,
      amount: total,
      records: [{ entity: 'purchase_order', id }],
      summary:
        lapsedOn === null
          ? `Order ${number} of ${date} was placed by a user who has never had an approval limit.`
          : `Order ${number} of ${date} was placed after its buyer's approval limit had ended on ${lapsedOn}.`,
      evidence: { lapsedOn },
    });
  }
  return {
    checked: limits.checked,
    flagged: amounts.length,
    exposure: Money.sumByCurrency(amounts),
  };
});
