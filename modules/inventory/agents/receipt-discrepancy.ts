import { defineAgent, type FindingInput, Id, Money, z } from 'tutti';
import { type DeliveryFault, faultValue, type OrderDelivery } from '../delivery.ts';
import { portionsOf } from '../portions.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { compareOrders, ordersAtOnce } from '../tools/compare-orders.ts';
import { draftClaim } from '../tools/draft-claim.ts';
import { listReceipts } from '../tools/list-receipts.ts';

/** Finds deliveries of the last 30 days that are not what was ordered. */
export const receiptDiscrepancy = defineAgent({
  name: 'receipt_discrepancy',
  purpose:
    'Compares what came into a warehouse with its orders and drafts claims for what differs.',
  input: z.object({ warehouse: Id('warehouse') }),
  output: Tally,
  model: 'standard',
  priority: 7,
  critical: true,
  limits: { timeoutMs: 180_000, turns: 10, costMicroUsd: 600_000 },
  tools: { listReceipts, compareOrders, draftClaim },
  findings: {
    'receipt.short':
      'Less came than was ordered, beyond the tolerance, and the expected day has passed.',
    'receipt.over': 'More came than was ordered, beyond the tolerance.',
    'receipt.rejected': 'Goods were rejected on arrival and have not been replaced.',
    'receipt.unordered': 'Goods came for an order that is cancelled or was never released.',
  },
  instructions: `1. Call inventory.receipt.list with the warehouse, without days. Without receipts answer with zeros and [].
2. Call inventory.order.compare once with all their distinct orders; with more than ${ordersAtOnce}, once for each ${ordersAtOnce}. It lists only lines that did not come exactly as ordered.
3. Judge each order:
- status cancelled or draft: receipt.unordered, and nothing else for this order; amount: acceptedValue.
- any other status:
  receipt.over, once, when a line has differencePercent above tolerancePercent; amount: the differenceValue of all such lines.
  receipt.rejected, once for each receipt of your list that has rejections on lines whose accepted is below ordered; amount: the values of its rejections on those lines.
  receipt.short, once, when status is not closed, expectedOn is before the business date, and a line has missingPercent above tolerancePercent; amount: the missingValue of all such lines.
A difference of exactly the tolerance is in order.
Records: [purchase_order, goods_receipt], the receipt being the one that rejected for receipt.rejected, else the order's lastReceipt; where that is not in your list, another warehouse reports everything but receipt.rejected. Company: the order's. ${severityRule}
4. For each finding call inventory.claim.draft with the same order and receipt, and the part of the kind after the dot as reason.
Answer with checked = receipts listed, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding, today }) => {
  const receipts = await tools.listReceipts({ warehouse: input.warehouse });
  if (receipts.length === 0) return { checked: 0, flagged: 0, exposure: [] };
  const byOrder = Map.groupBy(receipts, (receipt) => receipt.order);
  const orders: OrderDelivery[] = [];
  for (const portion of portionsOf([...byOrder.keys()], ordersAtOnce)) {
    orders.push(...(await tools.compareOrders({ orders: portion })).orders);
  }
  const amounts: Money[] = [];
  for (const order of orders) {
    const own = (byOrder.get(order.order) ?? []).map((receipt) => receipt.id);
    for (const fault of faultsOf(order, own, today)) {
      const { reason, receipt, amount } = fault;
      amounts.push(amount);
      finding(describe(order, fault));
      await tools.draftClaim({ order: order.order, receipt, reason });
    }
  }
  return {
    checked: receipts.length,
    flagged: amounts.length,
    exposure: Money.sumByCurrency(amounts),
  };
});

interface Fault {
  readonly reason: DeliveryFault;
  readonly receipt: string;
  readonly amount: Money;
}

/** The faults of one order: each once, but for rejections, which belong to their receipts. */
function faultsOf(order: OrderDelivery, receipts: readonly string[], today: string): Fault[] {
  // An order that came into several warehouses is reported by the one that received last.
  const last = receipts.filter((receipt) => receipt === order.lastReceipt);
  const shownBy = { unordered: last, over: last, rejected: receipts, short: last } as const;
  return (['unordered', 'over', 'rejected', 'short'] as const).flatMap((reason) =>
    shownBy[reason].flatMap((receipt) => {
      const amount = faultValue(order, { reason, receipt, today });
      return amount === null ? [] : [{ reason, receipt, amount }];
    }),
  );
}

const sentences: Readonly<Record<DeliveryFault, string>> = {
  short: 'is short of what was ordered, and its expected day has passed',
  over: 'brought more than was ordered',
  rejected: 'had goods rejected that were not replaced',
  unordered: 'was delivered though it is not released',
};

function describe(order: OrderDelivery, { reason, receipt, amount }: Fault): FindingInput {
  return {
    kind: `receipt.${reason}`,
    severity: severityOf(amount),
    company: order.company,
    records: [
      { entity: 'purchase_order', id: order.order },
      { entity: 'goods_receipt', id: receipt },
    ],
    amount,
    summary: `Order ${order.number} (${order.status}) ${sentences[reason]}: ${amount.amount} ${amount.currency}.`,
    evidence: {
      expectedOn: order.expectedOn,
      lines: order.deviations
        .map((line) => `${line.line}: ${line.accepted}/${line.ordered}, rejected ${line.rejected}`)
        .join('; '),
    },
  };
}
