import { defineTool, EngineError, Id, z } from 'tutti';
import { nextWorkday } from '../workday.ts';

/** As many products as one count may have. */
export const productsAtOnce = 2000;

/** A count of some products in a warehouse. */
export const planCount = defineTool({
  name: 'inventory.count.plan',
  description:
    'Plans one count of products in a warehouse for the next workday, with what the books expect; products in another open count are left out.',
  effect: 'write',
  undo: { action: 'cancel' },
  category: 'counting',
  duty: 'plan_count',
  parameters: z.object({
    warehouse: Id('warehouse'),
    products: z.array(Id('product')).min(1).max(productsAtOnce),
  }),
  result: z.object({
    count: Id('stock_count'),
    version: z.string(),
    plannedOn: z.iso.date(),
    lines: z.int(),
  }),
  key: ({ warehouse, products }) => [warehouse, ...products.toSorted()],
  scope: 'run',
}).handler(async ({ warehouse, products }, { erp, today, key }) => {
  const number = `SC-${key.slice(0, 12)}`;
  const [place, levels, open] = await Promise.all([
    erp.warehouse.get(warehouse),
    erp.stock_level.list({ warehouse, product: { in: products } }),
    erp.stock_count.list({ warehouse, status: { in: ['planned', 'counting'] } }),
  ]);
  // What an interrupted call has planned under this key is its own and stands in nobody's way.
  const others = open.filter((count) => count.number !== number);
  const taken = new Set(others.flatMap((count) => count.lines.map((line) => line.product)));
  const onHand = new Map(levels.map((level) => [level.product, level.onHand]));
  const lines = products
    .filter((product) => !taken.has(product))
    .map((product) => ({ product, expected: onHand.get(product) ?? '0', counted: null }));
  if (lines.length === 0) {
    throw new EngineError(
      'ERP_REJECTED',
      `All ${products.length} products are in an open count of warehouse ${place.code}; nothing is left to plan.`,
    );
  }
  const plannedOn = nextWorkday(today);
  const { id, version } = await erp.stock_count.create({
    number,
    company: place.company,
    warehouse,
    plannedOn,
    status: 'planned',
    lines,
  });
  return { count: id, version, plannedOn, lines: lines.length };
});
