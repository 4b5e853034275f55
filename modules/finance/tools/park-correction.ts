import { defineTool, EngineError, type Erp, Id, Money, z } from 'tutti';
import { shownNumber } from '../bill-number.ts';
import { chart } from '../chart.ts';
import { accountBy, type ParkedDraft, park, postingLine } from '../posting.ts';

/** The posting that mends a control account, for somebody to make. */
export const parkCorrection = defineTool({
  name: 'finance.correction.park',
  description:
    'Parks the journal entry that reverses a manual posting on a control account, or that posts a document which the ledger lacks.',
  effect: 'propose',
  parameters: z.object({
    entity: z.enum(['journal_entry', 'bill', 'receivable', 'payment']),
    record: z.string().min(1),
  }),
  result: z.object({ entry: Id('parked_entry') }),
  key: ({ entity, record }) => [entity, record],
  scope: 'tenant',
  undo: { action: 'discard' },
  posts: async ({ entity, record }, { erp, today }) => ({
    company: await companyOf(erp, entity, record),
    date: today,
  }),
  amount: async ({ entity, record }, { erp }) => {
    if (entity === 'journal_entry') return (await erp.journal_entry.get(record)).total;
    return (await documentOf(erp, entity, record)).total;
  },
  lineage: ({ entity, record }) => [{ entity, id: record }],
  duty: 'draft_journal',
  category: 'ledger',
}).handler(async ({ entity, record }, { erp, today }) => {
  const draft =
    entity === 'journal_entry' ? await reversal(erp, record) : await posting(erp, entity, record);
  // By id: suppliers number their bills as they like, so that two of them may bear one number.
  return { entry: await park(erp, { ...draft, date: today, reference: `${entity}:${record}` }) };
});

async function companyOf(
  erp: Erp,
  entity: Document | 'journal_entry',
  record: string,
): Promise<string> {
  const { company } = await erp[entity].get(record);
  return company;
}

type Correction = Omit<ParkedDraft, 'date' | 'reference'>;

async function reversal(erp: Erp, record: string): Promise<Correction> {
  const { company, number, source, total, lines } = await erp.journal_entry.get(record);
  if (source !== 'manual') {
    throw new EngineError(
      'ERP_REJECTED',
      `Journal entry ${number} was posted by the system; only a manual entry can be reversed here.`,
    );
  }
  const turned = lines.map(({ account, debit, credit }) => ({
    account,
    debit: credit,
    credit: debit,
  }));
  return { company, reason: 'reverse_manual', total, lines: turned };
}

type Document = 'bill' | 'receivable' | 'payment';

async function posting(erp: Erp, entity: Document, record: string): Promise<Correction> {
  const { company, number, status, entry, total, accounts } = await documentOf(erp, entity, record);
  if (status === 'draft' || status === 'cancelled') {
    throw new EngineError(
      'ERP_REJECTED',
      `The ${entity} ${number} is ${status}, so the ledger lacks nothing; post documents that count.`,
    );
  }
  if (entry !== null) {
    throw new EngineError(
      'ERP_REJECTED',
      `The ${entity} ${number} is posted already by entry ${entry}.`,
    );
  }
  const [debited, credited] = await Promise.all(
    accounts.map((filter) => accountBy(erp, { company, ...filter })),
  );
  const lines = [
    postingLine(debited ?? '', total.amount),
    postingLine(credited ?? '', Money.negate(total).amount),
  ];
  return { company, reason: 'post_missing', total, lines };
}

type Side = { readonly control: 'payables' | 'receivables' | 'bank' } | { readonly number: string };

/** A document's figures and the accounts that its posting debits and credits, in this order. */
async function documentOf(
  erp: Erp,
  entity: Document,
  record: string,
): Promise<{
  readonly company: string;
  readonly number: string;
  readonly status: string;
  readonly entry: string | null;
  readonly total: Money;
  readonly accounts: readonly [debit: Side, credit: Side];
}> {
  if (entity === 'bill') {
    const found = await erp.bill.get(record);
    const number = shownNumber(found.number);
    return { ...found, number, accounts: [{ number: chart.purchases }, { control: 'payables' }] };
  }
  if (entity === 'receivable') {
    const found = await erp.receivable.get(record);
    return { ...found, accounts: [{ control: 'receivables' }, { number: chart.sales }] };
  }
  const found = await erp.payment.get(record);
  const contra: Side = {
    bill: { control: 'payables' as const },
    receivable: { control: 'receivables' as const },
    fee: { number: chart.bankCharges },
    opening: { number: chart.capital },
  }[found.purpose];
  const bank: Side = { control: 'bank' };
  const accounts: readonly [Side, Side] =
    found.direction === 'in' ? [bank, contra] : [contra, bank];
  return { ...found, total: found.amount, accounts };
}
