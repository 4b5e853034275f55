import { defineTool, EngineError, Id, Money, z } from 'tutti';
import { compareDelivery, faultValue } from '../delivery.ts';

/** A claim for the buyer to send. */
export const draftClaim = defineTool({
  name: 'inventory.claim.draft',
  description:
    'Drafts a claim against the supplier for one fault of a delivery; the amount is worked out from order and receipts. Nothing is sent.',
  effect: 'propose',
  undo: { action: 'withdraw' },
  category: 'receiving',
  duty: 'draft_claim',
  parameters: z.object({
    order: Id('purchase_order'),
    receipt: Id('goods_receipt'),
    reason: z.enum(['short', 'over', 'rejected', 'unordered']),
  }),
  result: z.object({ claim: Id('claim'), version: z.string(), amount: Money }),
  key: ({ order, receipt, reason }) => [order, receipt, reason],
  scope: 'tenant',
  binds: () => ['number', 'status', 'expectedOn', 'lines'],
}).handler(async ({ order: orderId, receipt: receiptId, reason }, { erp, today, key }) => {
  const [order, receipts] = await Promise.all([
    erp.purchase_order.get(orderId),
    erp.goods_receipt.list({ order: orderId }),
  ]);
  const fault = { reason, receipt: receiptId, today };
  const value = faultValue(compareDelivery(order, receipts), fault);
  if (value === null || !receipts.some((receipt) => receipt.id === receiptId)) {
    throw new EngineError(
      'ERP_REJECTED',
      `Order ${order.number} and receipt ${receiptId} show no '${reason}' delivery any more; look at them again before claiming.`,
    );
  }
  const amount = Money.round(value);
  const { id, version } = await erp.claim.create({
    number: `CL-${key.slice(0, 12)}`,
    company: order.company,
    vendor: order.vendor,
    order: orderId,
    receipt: receiptId,
    reason,
    amount,
    openedOn: today,
    status: 'draft',
  });
  return { claim: id, version, amount };
});
