import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { valuationTolerance, valueCompany } from '../valuation.ts';

/** What a company's stock is worth, and where its records contradict each other. */
export const valueStock = defineTool({
  name: 'inventory.stock.value',
  description:
    'Values a company’s stock at standard cost in the company’s currency, by warehouse, and lists levels that are not the sum of their moves and stock without a cost.',
  effect: 'read',
  category: 'valuation',
  timeoutMs: 120_000,
  parameters: z.object({ company: z.string() }),
  result: z.object({
    checked: z.int(),
    total: Money,
    /** Up to this difference stock and ledger agree. */
    tolerance: Money,
    warehouses: z.array(
      z.object({ warehouse: Id('warehouse'), code: z.string(), levels: z.int(), value: Money }),
    ),
    drifted: z.array(
      z.object({
        /** Null: there are moves, but no level. */
        level: Id('stock_level').nullable(),
        product: Id('product'),
        number: z.string(),
        warehouse: Id('warehouse'),
        code: z.string(),
        onHand: Decimal,
        moved: Decimal,
        /** Of the pieces between, without sign. */
        value: Money,
        /** A count that is planned or under way includes it. */
        planned: z.boolean(),
      }),
    ),
    costless: z.array(
      z.object({ level: Id('stock_level'), number: z.string(), code: z.string(), onHand: Decimal }),
    ),
  }),
}).handler(async ({ company }, { erp, today }) => {
  const valuation = await valueCompany(erp, { company, today });
  return { ...valuation, tolerance: Money.of(valuationTolerance, valuation.total.currency) };
});
