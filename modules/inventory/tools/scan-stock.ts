import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { scanGroup } from '../shortage.ts';

/** A group's products that run low or have gone below nothing. */
export const scanStock = defineTool({
  name: 'inventory.stock.scan',
  description:
    'Lists the stock of an item group that is negative, or available below the minimum of an active reorder rule of an active product, and whether an open count has it.',
  effect: 'read',
  category: 'planning',
  parameters: z.object({ group: Id('item_group') }),
  result: z.object({
    /** Stock levels and rules looked at. */
    checked: z.int(),
    items: z.array(
      z.object({
        product: Id('product'),
        number: z.string(),
        company: z.string(),
        warehouse: Id('warehouse'),
        /** Null: the warehouse has never had the product. */
        level: Id('stock_level').nullable(),
        onHand: Decimal,
        available: Decimal,
        /** A count that is planned or under way includes it. */
        planned: z.boolean(),
        unitCost: Money,
        rule: z
          .object({
            id: Id('reorder_rule'),
            vendor: Id('party'),
            minimum: Decimal,
            target: Decimal,
            leadTimeDays: z.int(),
            /** Whether orders may not go to the vendor. */
            vendorBlocked: z.boolean(),
          })
          .nullable(),
      }),
    ),
  }),
}).handler(({ group }, { erp }) => scanGroup(erp, group));
