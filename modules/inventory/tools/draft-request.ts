import { Day, Decimal, defineTool, EngineError, Id, Money, z } from 'tutti';

/** A purchase request for the buyer to approve. */
export const draftRequest = defineTool({
  name: 'inventory.request.draft',
  description:
    'Drafts a purchase request under a reorder rule, needed after the rule’s lead time. Nothing is ordered.',
  effect: 'propose',
  undo: { action: 'cancel' },
  category: 'planning',
  duty: 'request_purchase',
  parameters: z.object({ rule: Id('reorder_rule'), quantity: Decimal }),
  result: z.object({
    request: Id('purchase_request'),
    version: z.string(),
    neededOn: z.iso.date(),
  }),
  key: ({ rule }) => [rule],
  scope: 'run',
  binds: () => ['product', 'vendor', 'minimum', 'target', 'active'],
  // At standard cost: a request names no price.
  amount: async ({ rule, quantity }, { erp }) => {
    const { product } = await erp.reorder_rule.get(rule);
    const { cost } = await erp.product.get(product);
    return Money.times(cost, quantity);
  },
}).handler(async ({ rule: ruleId, quantity }, { erp, today, key }) => {
  const number = `PR-${key.slice(0, 12)}`;
  const { product, warehouse, vendor, leadTimeDays, active } = await erp.reorder_rule.get(ruleId);
  const [{ company }, open] = await Promise.all([
    erp.warehouse.get(warehouse),
    erp.purchase_request.list({ product, warehouse, status: { in: ['draft', 'approved'] } }),
  ]);
  // What an interrupted call has drafted under this key is its own and stands in nobody's way.
  const waiting = open.filter((request) => request.number !== number).length;
  if (!active || waiting > 0 || !Decimal.isAbove(quantity, '0')) {
    throw new EngineError(
      'ERP_REJECTED',
      `Rule ${ruleId} (active: ${active}, ${waiting} requests waiting) takes no request of ${quantity}; look at the stock again.`,
    );
  }
  const neededOn = Day.add(today, leadTimeDays);
  const { id, version } = await erp.purchase_request.create({
    number,
    company,
    warehouse,
    product,
    vendor,
    quantity,
    neededOn,
    status: 'draft',
  });
  return { request: id, version, neededOn };
});
