import { defineTool, EngineError, Id, Money, z } from 'tutti';
import { openAuditCase } from '../audit-case.ts';

/** A case about orders, for somebody to look into. */
export const openCase = defineTool({
  name: 'compliance.case.open',
  description:
    'Drafts an audit case about orders that break the procurement policy: one that was split, or one without a limit.',
  effect: 'write',
  category: 'procurement',
  duty: 'open_audit_case',
  parameters: z.object({
    /** The earliest of the orders. */
    order: Id('purchase_order'),
    kind: z.enum(['split_order', 'missing_limit']),
    /** The further orders of a split, by date. */
    others: z.array(Id('purchase_order')).default([]),
  }),
  result: z.object({ id: Id('audit_case'), version: z.string() }),
  undo: { action: 'withdraw' },
  key: ({ kind, order, others }) => [kind, ...[order, ...others].toSorted()],
  scope: 'run',
  binds: () => ['total', 'buyer', 'status'],
}).handler(async ({ order, kind, others }, context) => {
  const ids = [order, ...others];
  const orders = await context.erp.purchase_order.list({ id: { in: ids } });
  const found = ids.flatMap((id) => orders.find((each) => each.id === id) ?? []);
  const [first] = found;
  if (!first || found.length < ids.length) {
    throw new EngineError('RECORD_UNKNOWN', `Not all of the orders ${ids.join(', ')} exist.`);
  }
  return openAuditCase(
    {
      kind,
      company: first.company,
      amount: Money.sum(
        first.total.currency,
        found.map((each) => each.total),
      ),
      records: ids.map((id) => ({ entity: 'purchase_order', record: id })),
    },
    context,
  );
});
