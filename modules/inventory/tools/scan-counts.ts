import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { scanWarehouse } from '../count-due.ts';

/** What somebody ought to count. */
export const scanCounts = defineTool({
  name: 'inventory.count.scan',
  description:
    'Lists the stock of a warehouse that is due for a count: not empty, and never counted or counted longer ago than its class allows; with its class, value, last count, and whether an open count has it.',
  effect: 'read',
  category: 'counting',
  parameters: z.object({ warehouse: Id('warehouse') }),
  result: z.object({
    company: z.string(),
    /** Stock levels looked at. */
    checked: z.int(),
    due: z.array(
      z.object({
        level: Id('stock_level'),
        product: Id('product'),
        number: z.string(),
        abc: z.enum(['A', 'B', 'C']),
        onHand: Decimal,
        value: Money,
        lastCountedOn: z.iso.date().nullable(),
        daysSince: z.int().nullable(),
        /** A count that is planned or under way includes it. */
        planned: z.boolean(),
      }),
    ),
  }),
}).handler(({ warehouse }, { erp, today }) => scanWarehouse(erp, { warehouse, today }));
