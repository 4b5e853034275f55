import { defineTool, type Erp, Money, type Row, z } from 'tutti';
import { shownNumber } from '../bill-number.ts';
import { type Control, controls } from '../chart.ts';
import { currencyOf } from '../company.ts';

const Unposted = z.object({
  entity: z.enum(['bill', 'receivable', 'payment']),
  id: z.string(),
  number: z.string(),
  /** What posting it would add to each control account, debits positive. */
  effects: z.array(z.object({ control: z.enum(controls), amount: Money })),
});

/** What open items and cash book say. */
export const getSubledgerBalances = defineTool({
  name: 'finance.subledger_balance.get',
  description:
    "Sums a company's open bills, open receivables and cash book, debits positive, and lists the documents that no ledger entry has posted.",
  effect: 'read',
  parameters: z.object({ company: z.string() }),
  result: z.object({
    /** Open items and cash movements that the balances were summed from. */
    items: z.int(),
    balances: z.array(z.object({ control: z.enum(controls), balance: Money })),
    unposted: z.array(Unposted),
  }),
  category: 'ledger',
  timeoutMs: 60_000,
}).handler(async ({ company }, { erp }) => {
  const unlimited = { limit: 500_000 };
  const [currency, bills, receivables, payments, unposted] = await Promise.all([
    currencyOf(erp, company),
    erp.bill.list({ company, status: 'open' }, unlimited),
    erp.receivable.list({ company, status: 'open' }, unlimited),
    erp.payment.list({ company, status: { in: ['executed', 'reconciled'] } }, unlimited),
    unpostedOf(erp, company),
  ]);
  const balances: Readonly<Record<Control, readonly Money[]>> = {
    payables: bills.map((bill) => Money.negate(bill.total)),
    receivables: receivables.map((receivable) => receivable.total),
    bank: payments.map(signed),
  };
  return {
    items: bills.length + receivables.length + payments.length,
    balances: controls.map((control) => ({
      control,
      // An amount of another currency is an error, and no part of the sum.
      balance: Money.sum(currency, balances[control]),
    })),
    unposted,
  };
});

function signed({ direction, amount }: Pick<Row<'payment'>, 'direction' | 'amount'>): Money {
  return direction === 'in' ? amount : Money.negate(amount);
}

async function unpostedOf(erp: Erp, company: string): Promise<z.infer<typeof Unposted>[]> {
  const [bills, receivables, payments] = await Promise.all([
    erp.bill.list({ company, entry: null, status: { in: ['open', 'paid'] } }),
    erp.receivable.list({ company, entry: null, status: { in: ['open', 'paid'] } }),
    erp.payment.list({ company, entry: null, status: { in: ['executed', 'reconciled'] } }),
  ]);
  return [
    ...bills.map(({ id, number, total }) => ({
      ...{ entity: 'bill' as const, id, number: shownNumber(number) },
      effects: [{ control: 'payables' as const, amount: Money.negate(total) }],
    })),
    ...receivables.map(({ id, number, total }) => ({
      ...{ entity: 'receivable' as const, id, number },
      effects: [{ control: 'receivables' as const, amount: total }],
    })),
    ...payments.map(({ id, number, direction, purpose, amount }) => {
      const bank = signed({ direction, amount });
      const contra = {
        bill: 'payables',
        receivable: 'receivables',
        fee: null,
        opening: null,
      } as const;
      const control = contra[purpose];
      return {
        ...{ entity: 'payment' as const, id, number },
        effects: [
          { control: 'bank' as const, amount: bank },
          ...(control === null ? [] : [{ control, amount: Money.negate(bank) }]),
        ],
      };
    }),
  ];
}
