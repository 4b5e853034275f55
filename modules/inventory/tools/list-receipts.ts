import { Day, defineTool, Id, z } from 'tutti';

/** What came into a warehouse lately. */
export const listReceipts = defineTool({
  name: 'inventory.receipt.list',
  description:
    'Lists the goods receipts of a warehouse over the last days, today included, oldest first.',
  effect: 'read',
  category: 'receiving',
  parameters: z.object({ warehouse: Id('warehouse'), days: z.int().min(1).max(90).default(30) }),
  result: z.array(
    z.object({
      id: Id('goods_receipt'),
      number: z.string(),
      date: z.iso.date(),
      order: Id('purchase_order'),
    }),
  ),
}).handler(async ({ warehouse, days }, { erp, today }) => {
  const receipts = await erp.goods_receipt.list(
    { warehouse, date: { gt: Day.add(today, -days), lte: today } },
    { order: [{ field: 'date' }, { field: 'number' }] },
  );
  return receipts.map(({ id, number, date, order }) => ({ id, number, date, order }));
});
