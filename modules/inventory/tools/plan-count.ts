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
  const about = { warehouse, plannedOn: nextWorkday(today) };
  const count = await erp.stock_count.findOrCreate(about, async (ofThatDay) => {
    // What an interrupted call has planned under this key is its own.
    const own = ofThatDay.find((each) => each.number === number);
    if (own) return own;
    const [place, levels, open] = await Promise.all([
      erp.warehouse.get(warehouse),
      erp.stock_level.list({ warehouse, product: { in: products } }),
      erp.stock_count.list({ warehouse, status: { in: ['planned', 'counting'] } }),
    ]);
    const taken = new Set(open.flatMap((each) => each.lines.map((line) => line.product)));
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
    return { number, company: place.company, status: 'planned', lines };
  });
  const { id, version, plannedOn, lines } = count;
  return { count: id, version, plannedOn, lines: lines.length };
});
