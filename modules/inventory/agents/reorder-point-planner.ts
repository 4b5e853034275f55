import { Decimal, defineAgent, Id, Money, z } from 'tutti';
import { portionsOf } from '../portions.ts';
import { severityOf, severityRule } from '../severity.ts';
import { type Incoming, type LowStock, missingOf } from '../shortage.ts';
import { Tally } from '../tally.ts';
import { draftRequest } from '../tools/draft-request.ts';
import { askedAtOnce, listIncoming } from '../tools/list-incoming.ts';
import { planCount, productsAtOnce } from '../tools/plan-count.ts';
import { scanStock } from '../tools/scan-stock.ts';

/** Finds what is running out with too little on the way. */
export const reorderPointPlanner = defineAgent({
  name: 'reorder_point_planner',
  purpose:
    'Finds products of an item group that fall below their minimum and drafts purchase requests.',
  input: z.object({ group: Id('item_group') }),
  output: Tally,
  model: 'fast',
  priority: 5,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 10, costMicroUsd: 400_000 },
  tools: { scanStock, listIncoming, draftRequest, planCount },
  findings: {
    'reorder.below_minimum':
      'Available stock and all that is on the way stay below the minimum of the reorder rule.',
    'reorder.negative_stock': 'The books show less than nothing: a movement was booked wrongly.',
  },
  instructions: `1. Call inventory.stock.scan with the group. Without items answer at once.
2. If an item with onHand of 0 or more has a rule, call inventory.incoming.list once with the products of all items with onHand of 0 or more and their companies; with more than ${askedAtOnce} products, once for each ${askedAtOnce}.
3. Judge each item:
- onHand below 0: reorder.negative_stock, whatever its rule; records: [stock_level: level]; amount: unitCost times onHand without its sign.
- onHand of 0 or more, with a rule: projected = available + ordered + requested, as listed for the same product and company (0 when not listed). projected below the rule's minimum: reorder.below_minimum; records: [reorder_rule, then stock_level unless level is null]; amount: unitCost times (minimum minus projected). Equal to the minimum is enough.
Company: the item's. Amounts to as many decimals as their currency has. ${severityRule}
4. For each warehouse with negative items whose planned is false call inventory.count.plan once with their products; with more than ${productsAtOnce}, once for each ${productsAtOnce}. For each reorder.below_minimum whose rule has vendorBlocked false call inventory.request.draft with the rule and quantity = the larger of target and minimum, minus projected.
Answer with checked as scanned, flagged = findings, exposure = their amounts added up by currency.
Never order negative stock, nor of a blocked vendor, and never more than up to the target or minimum.`,
}).playbook(async ({ input, tools, finding }) => {
  const { checked, items } = await tools.scanStock({ group: input.group });
  const negative = items.filter(isNegative);
  const uncounted = negative.filter((item) => !item.planned);
  const low = items.filter((item) => !isNegative(item) && item.rule);
  const amounts: Money[] = [];
  for (const item of negative) {
    const amount = Money.round(Money.times(item.unitCost, Decimal.abs(item.onHand)));
    amounts.push(amount);
    finding({
      kind: 'reorder.negative_stock',
      severity: severityOf(amount),
      company: item.company,
      records: item.level ? [{ entity: 'stock_level', id: item.level }] : [],
      amount,
      summary: `Product ${item.number} is at ${item.onHand} in ${item.company}.`,
      evidence: { product: item.number, onHand: item.onHand },
    });
  }
  for (const [warehouse, own] of Map.groupBy(uncounted, (item) => item.warehouse)) {
    const products = own.map((item) => item.product);
    for (const portion of portionsOf(products, productsAtOnce)) {
      await tools.planCount({ warehouse, products: portion });
    }
  }
  const companies = [...new Set(low.map((item) => item.company))];
  const incoming: Incoming[] = [];
  for (const products of portionsOf([...new Set(low.map((item) => item.product))], askedAtOnce)) {
    incoming.push(...(await tools.listIncoming({ products, companies })));
  }
  for (const item of low) {
    const shortage = shortageOf(item, incoming);
    if (!shortage) continue;
    amounts.push(shortage.amount);
    finding({
      kind: 'reorder.below_minimum',
      severity: severityOf(shortage.amount),
      company: item.company,
      records: [
        { entity: 'reorder_rule', id: shortage.rule },
        ...(item.level ? [{ entity: 'stock_level' as const, id: item.level }] : []),
      ],
      amount: shortage.amount,
      summary: `Product ${item.number} falls to ${shortage.projected} in ${item.company}, below its minimum of ${shortage.minimum}.`,
      evidence: { product: item.number, available: item.available, projected: shortage.projected },
    });
    // Of a vendor who is blocked nothing may be ordered: somebody has to name another one.
    if (item.rule?.vendorBlocked) continue;
    await tools.draftRequest({ rule: shortage.rule, quantity: shortage.quantity });
  }
  return { checked, flagged: amounts.length, exposure: Money.sumByCurrency(amounts) };
});

function isNegative(item: LowStock): boolean {
  return Decimal.compare(item.onHand, '0') < 0;
}

/** What is missing of an item up to its minimum and its target, or null when enough is on the way. */
function shortageOf(item: LowStock, incoming: readonly Incoming[]) {
  const { rule } = item;
  if (!rule) return null;
  const own = incoming.find(
    (each) => each.product === item.product && each.company === item.company,
  );
  const coming = Decimal.plus(own?.ordered ?? '0', own?.requested ?? '0');
  const projected = Decimal.plus(item.available, coming);
  const missing = Decimal.minus(rule.minimum, projected);
  if (!Decimal.isAbove(missing, '0')) return null;
  return {
    rule: rule.id,
    minimum: rule.minimum,
    projected,
    quantity: missingOf(rule, projected),
    amount: Money.round(Money.times(item.unitCost, missing)),
  };
}
