import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { shownNumber } from '../bill-number.ts';

/** The bills that wait for their match. */
export const listDraftBills = defineTool({
  name: 'finance.bill.list_drafts',
  description: "Lists a vendor's draft bills that refer to an order, with their lines.",
  effect: 'read',
  parameters: z.object({ vendor: Id('party') }),
  result: z.array(
    z.object({
      id: Id('bill'),
      version: z.string(),
      number: z.string(),
      company: z.string(),
      order: Id('purchase_order'),
      hold: z.string().nullable(),
      total: Money,
      lines: z.array(
        z.object({ orderLine: z.string().nullable(), quantity: Decimal, price: Money }),
      ),
    }),
  ),
  category: 'payables',
}).handler(async ({ vendor }, { erp }) => {
  const bills = await erp.bill.list({ vendor, status: 'draft' });
  return bills.flatMap(({ id, version, number, company, order, hold, total, lines }) =>
    order === null
      ? []
      : [
          {
            ...{ id, version, number: shownNumber(number), company, order, hold, total },
            lines: lines.map(({ orderLine, quantity, price }) => ({ orderLine, quantity, price })),
          },
        ],
  );
});
