import { defineTool, EngineError, type Erp, Id, Money, type Row, z } from 'tutti';
import { compareDelivery, type DeliveryFault, faultValue } from '../delivery.ts';

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
  amount: async (args, { erp, today }) => (await claimOf(erp, args, today)).amount,
}).handler(async (args, { erp, today, key }) => {
  const { order, amount } = await claimOf(erp, args, today);
  if (!amount) {
    throw new EngineError(
      'ERP_REJECTED',
      `Order ${order.number} and receipt ${args.receipt} show no '${args.reason}' delivery any more; look at them again before claiming.`,
    );
  }
  const claim = await erp.claim.findOrCreate(
    { order: args.order, reason: args.reason },
    (claims) =>
      claims.find((each) => each.status !== 'withdrawn' && isSame(each, args)) ?? {
        number: `CL-${key.slice(0, 12)}`,
        company: order.company,
        vendor: order.vendor,
        receipt: args.receipt,
        amount,
        openedOn: today,
        status: 'draft',
      },
  );
  return { claim: claim.id, version: claim.version, amount: claim.amount };
});

interface Claimed {
  readonly order: string;
  readonly receipt: string;
  readonly reason: DeliveryFault;
}

/**
 * Whether a claim is about the same fault: rejections belong to their receipt; everything else to the order, whichever of its
 * receipts shows it while the claim is open.
 */
function isSame(claim: Row<'claim'>, { receipt, reason }: Claimed): boolean {
  return claim.receipt === receipt || (reason !== 'rejected' && claim.status !== 'settled');
}

/** An order, and what a fault of its delivery is worth: null when order and receipt show none. */
async function claimOf(
  erp: Erp,
  claimed: Claimed,
  today: string,
): Promise<{ readonly order: Row<'purchase_order'>; readonly amount: Money | null }> {
  const [order, receipts] = await Promise.all([
    erp.purchase_order.get(claimed.order),
    erp.goods_receipt.list({ order: claimed.order }),
  ]);
  const value = faultValue(compareDelivery(order, receipts, today), { ...claimed, today });
  const isKnown = receipts.some((receipt) => receipt.id === claimed.receipt);
  return { order, amount: isKnown && value !== null ? Money.round(value) : null };
}
