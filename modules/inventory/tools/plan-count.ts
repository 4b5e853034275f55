import { defineTool, EngineError, Id, z } from 'tutti';

/** A count of some products in a warehouse. */
export const planCount = defineTool({
  name: 'inventory.count.plan',
  description:
    'Plans one count of products in a warehouse for a day; what the books say is noted as expected. Products in another open count are left out.',
  effect: 'write',
  undo: { action: 'cancel' },
  category: 'counting',
  parameters: z.object({
    warehouse: Id('warehouse'),
    plannedOn: z.iso.date(),
    products: z.array(Id('product')).min(1).max(2000),
  }),
  result: z.object({ count: Id('stock_count'), version: z.string(), lines: z.int() }),
  key: ({ warehouse, plannedOn, products }) => [warehouse, plannedOn, ...products.toSorted()],
  scope: 'tenant',
}).handler(async ({ warehouse, plannedOn, products }, { erp, key }) => {
  const [place, levels, open] = await Promise.all([
    erp.warehouse.get(warehouse),
    erp.stock_level.list({ warehouse, product: { in: products } }),
    erp.stock_count.list({ warehouse, status: { in: ['planned', 'counting'] } }),
  ]);
  const taken = new Set(open.flatMap((count) => count.lines.map((line) => line.product)));
  const onHand = new Map(levels.map((level) => [level.product, level.onHand]));
  const lines = products
    .filter((product) => !taken.has(product))
    .map((product) => ({ product, expected: onHand.get(product) ?? '0', counted: null }));
  if (lines.length === 0) {
    throw new EngineError(
      'INPUT_INVALID',
      `All ${products.length} products are in an open count of warehouse ${place.code}; nothing is left to plan.`,
    );
  }
  const { id, version } = await erp.stock_count.create({
    number: `SC-${key.slice(0, 12)}`,
    company: place.company,
    warehouse,
    plannedOn,
    status: 'planned',
    lines,
  });
  return { count: id, version, lines: lines.length };
});
