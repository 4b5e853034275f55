import { Decimal, defineTool, EngineError, Id, z } from 'tutti';
import { addDays } from '../calendar.ts';

/** A purchase request for the buyer to approve. */
export const draftRequest = defineTool({
  name: 'inventory.request.draft',
  description:
    'Drafts a purchase request under a reorder rule, needed after the rule’s lead time. Nothing is ordered.',
  effect: 'propose',
  undo: { action: 'cancel' },
  category: 'planning',
  parameters: z.object({ rule: Id('reorder_rule'), quantity: Decimal }),
  result: z.object({
    request: Id('purchase_request'),
    version: z.string(),
    neededOn: z.iso.date(),
  }),
  key: ({ rule }) => [rule],
  scope: 'run',
}).handler(async ({ rule: ruleId, quantity }, { erp, today, key }) => {
  const rule = await erp.reorder_rule.get(ruleId);
  const { product, warehouse, vendor, leadTimeDays } = rule;
  const waiting = await erp.purchase_request.list({
    product,
    warehouse,
    status: { in: ['draft', 'approved'] },
  });
  if (!rule.active || waiting.length > 0 || !Decimal.isAbove(quantity, '0')) {
    throw new EngineError(
      'INPUT_INVALID',
      `Rule ${ruleId} (active: ${rule.active}, ${waiting.length} requests waiting) takes no request of ${quantity}; look at the stock again.`,
    );
  }
  const { company } = await erp.warehouse.get(warehouse);
  const neededOn = addDays(today, leadTimeDays);
  const { id, version } = await erp.purchase_request.create({
    number: `PR-${key.slice(0, 12)}`,
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
