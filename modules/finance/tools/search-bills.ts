import { defineTool, Id, Money, z } from 'tutti';
import { shownNumber, stemOf } from '../bill-number.ts';

/** A vendor's bills, ready to be compared. */
export const searchBills = defineTool({
  name: 'finance.bill.search',
  description:
    "Lists a vendor's bills that are not cancelled, oldest first, each with its number's stem and suffix for comparison.",
  effect: 'read',
  parameters: z.object({ vendor: Id('party') }),
  result: z.array(
    z.object({
      id: Id('bill'),
      version: z.string(),
      company: z.string(),
      number: z.string(),
      stem: z.string(),
      suffix: z.string().nullable(),
      date: z.iso.date(),
      status: z.enum(['draft', 'open', 'paid', 'cancelled']),
      hold: z.string().nullable(),
      total: Money,
    }),
  ),
  category: 'payables',
}).handler(async ({ vendor }, { erp }) => {
  const bills = await erp.bill.list(
    { vendor, status: { in: ['draft', 'open', 'paid'] } },
    { order: [{ field: 'date' }] },
  );
  return bills.map(({ id, version, company, number, date, status, hold, total }) => ({
    ...{ id, version, company, number: shownNumber(number), date, status, hold, total },
    ...stemOf(number),
  }));
});
