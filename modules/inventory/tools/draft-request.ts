import { Day, Decimal, defineTool, EngineError, type Erp, Id, Money, type Row, z } from 'tutti';
import { incomingOf, missingOf } from '../shortage.ts';

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
  const rule = await erp.reorder_rule.get(ruleId);
  const { product, warehouse, vendor, leadTimeDays, active } = rule;
  const [{ company }, blocked] = await Promise.all([
    erp.warehouse.get(warehouse),
    erp.party.find({ id: vendor, blocked: true }),
  ]);
  if (blocked) {
    throw new EngineError(
      'ERP_REJECTED',
      `Vendor ${blocked.number} of rule ${ruleId} is blocked; name another vendor in the rule.`,
    );
  }
  const request = await erp.purchase_request.findOrCreate(
    { company, product },
    async (requests) => {
      // What an interrupted call has drafted under this key is its own.
      const own = requests.find((each) => each.number === number);
      if (own) return own;
      const missing = await missingNow(erp, rule, company);
      if (!active || Decimal.isAbove(quantity, missing) || !Decimal.isAbove(quantity, '0')) {
        throw new EngineError(
          'ERP_REJECTED',
          `Rule ${ruleId} (active: ${active}, ${missing} missing with all that is on the way) takes no request of ${quantity}; look at the stock again.`,
        );
      }
      const neededOn = Day.add(today, leadTimeDays);
      return { number, warehouse, vendor, quantity, neededOn, status: 'draft' };
    },
  );
  return { request: request.id, version: request.version, neededOn: request.neededOn };
});

/** What a rule's product still lacks. */
async function missingNow(erp: Erp, rule: Row<'reorder_rule'>, company: string): Promise<string> {
  const [level, [incoming]] = await Promise.all([
    erp.stock_level.find({ product: rule.product, warehouse: rule.warehouse }),
    incomingOf(erp, { products: [rule.product], companies: [company] }),
  ]);
  const available = Decimal.minus(level?.onHand ?? '0', level?.reserved ?? '0');
  const coming = Decimal.plus(incoming?.ordered ?? '0', incoming?.requested ?? '0');
  return missingOf(rule, Decimal.plus(available, coming));
}
