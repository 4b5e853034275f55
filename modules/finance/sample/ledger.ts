import { Decimal, type Draft, Money, type SampleWorld } from 'tutti';
import { type Control, chart, controls } from '../chart.ts';
import { type Books, booksOf, type EntryPlan, type Posted, planBatches } from './ledger-plan.ts';
import { planManualEntries } from './manual-entries.ts';
import type { Movement } from './movements.ts';

/** The subledger rows that the ledger posts. `busy` rows carry another planted fact already. */
export interface Subledgers {
  readonly bills: readonly Draft<'bill'>[];
  readonly receivables: readonly Draft<'receivable'>[];
  readonly movements: readonly Movement[];
  readonly busy: ReadonlySet<string>;
}

/** Posts everything, plants where control accounts and subledgers part, and adds the entries in the order of their dates. */
export function addLedgerEntries(world: SampleWorld, subledgers: Subledgers): void {
  const books = booksOf(world);
  const documents = documentsOf(subledgers);
  const unposted = leaveOut(world, documents, subledgers);
  const batches = planBatches(
    world,
    documents.filter((each) => !unposted.has(each)),
    books,
  );
  const manual = planManualEntries(world, books);
  const direct = postDirectly(world, manual, books);
  distort(world, batches, books);
  const rows = addEntries(world, [...batches, ...manual]);
  for (const [plan, account] of direct) {
    world.expect({
      agent: 'finance.subledger_reconciliation',
      kind: 'subledger.manual',
      company: plan.row.company,
      records: [
        { entity: 'journal_entry', id: rows.get(plan)?.id ?? '' },
        { entity: 'account', id: account },
      ],
    });
  }
}

const payables = '2000';
const receivable = '1100';
const bank = '1000';
const services = '6600';

function documentsOf({ bills, receivables, movements }: Subledgers): Posted[] {
  return [
    ...bills
      .filter((bill) => bill.status === 'open' || bill.status === 'paid')
      .map(
        (bill): Posted => ({
          ...{ document: bill, company: bill.company, date: bill.date, batch: 'bills' },
          ...{ amount: bill.total, debit: bill.order ? chart.purchases : services },
          credit: payables,
        }),
      ),
    ...receivables.map(
      (each): Posted => ({
        ...{ document: each, company: each.company, date: each.date, batch: 'receivables' },
        ...{ amount: each.total, debit: receivable, credit: chart.sales },
      }),
    ),
    ...movements.flatMap(({ payment }): Posted[] => {
      if (!payment) return [];
      const { company, date, amount, purpose } = payment;
      return [{ document: payment, company, date, amount, ...cashBatches[purpose] }];
    }),
  ];
}

const cashBatches = {
  bill: { batch: 'payments', debit: payables, credit: bank },
  receivable: { batch: 'receipts', debit: bank, credit: receivable },
  fee: { batch: 'fees', debit: chart.bankCharges, credit: bank },
  opening: { batch: 'opening', debit: bank, credit: chart.capital },
} as const;

const entityOf = {
  bills: 'bill',
  receivables: 'receivable',
  payments: 'payment',
  receipts: 'payment',
  fees: 'payment',
  opening: 'payment',
} as const;

/** Documents that nobody posted: bills, receivables and payments in turn. */
function leaveOut(
  world: SampleWorld,
  documents: readonly Posted[],
  { busy }: Subledgers,
): ReadonlySet<Posted> {
  const free = world.random.shuffle(documents).filter((each) => !busy.has(keyOf(each)));
  const chosen = (['bills', 'receivables', 'payments'] as const).flatMap((batch) =>
    free.filter((each) => each.batch === batch).slice(0, 2 * world.scale),
  );
  for (const each of chosen) {
    world.expect({
      agent: 'finance.subledger_reconciliation',
      kind: 'subledger.unposted',
      company: each.company,
      records: [{ entity: entityOf[each.batch], id: each.document.id }],
    });
  }
  return new Set(chosen);
}

function keyOf({ batch, document }: Posted): string {
  return `${entityOf[batch]} ${document.id}`;
}

/** Turns ordinary manual entries into ones that post to a control account. */
function postDirectly(
  world: SampleWorld,
  manual: readonly EntryPlan[],
  books: Books,
): ReadonlyMap<EntryPlan, string> {
  const chosen = world.random.shuffle(manual).slice(0, 4 * world.scale);
  return new Map(
    chosen.map((plan) => {
      const account = books.control(plan.row.company, world.random.pick(controls));
      const [first, second] = plan.row.lines;
      if (first && second) plan.row.lines = [first, { ...second, account }];
      return [plan, account];
    }),
  );
}

/** Posts a few batches with a wrong sum on both sides: balanced, and the control account is off. One an account at most. */
function distort(world: SampleWorld, batches: readonly EntryPlan[], books: Books): void {
  const kinds = { bills: 'payables', receivables: 'receivables', fees: 'bank' } as const;
  const places = world
    .all('company')
    .flatMap(({ code }) =>
      (['bills', 'receivables', 'fees'] as const).map((batch) => ({ company: code, batch })),
    );
  for (const { company, batch } of world.random.shuffle(places).slice(0, 2 * world.scale)) {
    const own = batches.filter((each) => each.batch === batch && each.row.company === company);
    const { row } = world.random.pick(own);
    const control: Control = kinds[batch];
    const account = books.control(company, control);
    const difference = `${world.random.integer(18, 900)}.${world.random.integer(10, 99)}`;
    const off = row.lines.findIndex((line) => line.account === account);
    const other = row.lines.findIndex((line) => line.account !== account);
    row.lines = row.lines.map((line, index) => {
      if (index !== off && index !== other) return line;
      const side = Decimal.isZero(line.debit) ? 'credit' : 'debit';
      return { ...line, [side]: Decimal.plus(line[side], difference) };
    });
    row.total = Money.of(Decimal.plus(row.total.amount, difference), row.total.currency);
    world.expect({
      agent: 'finance.subledger_reconciliation',
      kind: 'subledger.variance',
      company,
      records: [{ entity: 'account', id: account }],
    });
  }
}

function addEntries(
  world: SampleWorld,
  plans: readonly EntryPlan[],
): ReadonlyMap<EntryPlan, Draft<'journal_entry'>> {
  const codes = new Map(world.all('journal').map((each) => [each.id, each]));
  const counts = new Map<string, number>();
  const ordered = world.random
    .shuffle(plans)
    .sort((a, b) =>
      a.row.postedAt < b.row.postedAt ? -1 : a.row.postedAt > b.row.postedAt ? 1 : 0,
    );
  return new Map(
    ordered.map((plan) => {
      const { journal } = plan.row;
      const count = (counts.get(journal) ?? 0) + 1;
      counts.set(journal, count);
      const book = codes.get(journal);
      const number = `${book?.company.slice(-2)}-${book?.code}-${String(count).padStart(5, '0')}`;
      const row = world.add('journal_entry', { ...plan.row, number });
      for (const { document } of plan.documents) document.entry = row.id;
      return [plan, row];
    }),
  );
}
