import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { countIntervalDays, nextWorkday, scanWarehouse } from '../count-due.ts';

/** What somebody ought to count. */
export const scanCounts = defineTool({
  name: 'inventory.count.scan',
  description:
    'Lists the stock of a warehouse that is due for a count: not empty, and never counted or counted longer ago than its class allows.',
  effect: 'read',
  category: 'counting',
  parameters: z.object({ warehouse: Id('warehouse') }),
  result: z.object({
    company: z.string(),
    checked: z.int(),
    intervalDays: z.object({ A: z.int(), B: z.int(), C: z.int() }),
    /** The day for which a new count is best planned. */
    nextWorkday: z.iso.date(),
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
}).handler(async ({ warehouse }, { erp, today }) => ({
  ...(await scanWarehouse(erp, { warehouse, today })),
  intervalDays: { ...countIntervalDays },
  nextWorkday: nextWorkday(today),
}));
