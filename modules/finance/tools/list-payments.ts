import { Day, defineTool, Id, Money, z } from 'tutti';
import { referenceKey } from './list-statement-lines.ts';

/** The cash book of an account, as far as a statement may still show it. */
export const listPayments = defineTool({
  name: 'finance.payment.list',
  description:
    'Lists the payments and receipts of a bank account that no statement has shown yet, and those reconciled since the start of last month; outgoing amounts are negative.',
  effect: 'read',
  parameters: z.object({ account: Id('bank_account') }),
  result: z.array(
    z.object({
      id: Id('payment'),
      number: z.string(),
      date: z.iso.date(),
      purpose: z.enum(['bill', 'receivable', 'fee', 'opening']),
      reference: z.string(),
      amount: Money,
      reconciled: z.boolean(),
    }),
  ),
  category: 'bank',
  sensitive: true,
}).handler(async ({ account }, { erp, today }) => {
  const [awaited, reconciled] = await Promise.all([
    erp.payment.list({ account, status: 'executed' }, { order: [{ field: 'date' }] }),
    erp.payment.list(
      { account, status: 'reconciled', date: { gte: Day.monthStart(today, -1) } },
      { order: [{ field: 'date' }] },
    ),
  ]);
  return [...awaited, ...reconciled].map((row) => ({
    id: row.id,
    number: row.number,
    date: row.date,
    purpose: row.purpose,
    reference: referenceKey(row.reference),
    amount: row.direction === 'in' ? row.amount : Money.negate(row.amount),
    reconciled: row.status === 'reconciled',
  }));
});
