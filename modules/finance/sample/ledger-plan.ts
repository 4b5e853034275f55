import { Decimal, type Draft, Money, type SampleWorld } from 'tutti';
import type { Control } from '../chart.ts';
import { memo } from './memos.ts';
import type { Plan } from './row.ts';

/** A subledger document in the ledger's eyes. `entry` is set when its batch is posted. */
export interface Posted {
  readonly document: { readonly id: string; entry: string | null };
  readonly company: string;
  readonly date: string;
  /** Which book, and with the date and the company which batch. */
  readonly batch: 'bills' | 'receivables' | 'payments' | 'receipts' | 'fees' | 'opening';
  readonly amount: Money;
  /** Numbers of the accounts. */
  readonly debit: string;
  readonly credit: string;
}

/** A journal entry before it is numbered, with the documents that it posts. */
export interface EntryPlan {
  readonly row: Plan<'journal_entry'>;
  readonly documents: readonly Posted[];
  /** Which kind of batch it is; null for a manual entry. */
  readonly batch: Posted['batch'] | null;
}

/** A company's chart, books and the technical user who posts batches, by code. */
export interface Books {
  account(company: string, number: string): string;
  control(company: string, control: Control): string;
  journal(company: string, code: string): string;
  poster(company: string): string;
  currency(company: string): string;
}

/** Looks up what postings need. */
export function booksOf(world: SampleWorld): Books {
  const accounts = new Map(
    world.all('account').map((each) => [`${each.company} ${each.number}`, each.id]),
  );
  const controls = new Map(
    world.all('account').map((each) => [`${each.company} ${each.control}`, each.id]),
  );
  const journals = new Map(
    world.all('journal').map((each) => [`${each.company} ${each.code}`, each.id]),
  );
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const technical = world.all('user').filter((user) => user.employee === null);
  const poster = (company: string): string =>
    (technical.find((user) => companyOf.get(user.group) === company) ?? technical[0])?.id ?? '';
  const posters = new Map(world.all('company').map(({ code }) => [code, poster(code)]));
  const currencies = new Map(world.all('company').map(({ code, currency }) => [code, currency]));
  return {
    account: (company, number) => accounts.get(`${company} ${number}`) ?? '',
    control: (company, control) => controls.get(`${company} ${control}`) ?? '',
    journal: (company, code) => journals.get(`${company} ${code}`) ?? '',
    poster: (company) => posters.get(company) ?? '',
    currency: (company) => currencies.get(company) ?? 'EUR',
  };
}

const journalOf = {
  ...{ bills: 'PUR', receivables: 'SAL', payments: 'BNK', receipts: 'BNK', fees: 'BNK' },
  opening: 'GEN',
} as const;

/** Posts documents as large ERPs do: one entry a day, company and kind. */
export function planBatches(
  world: SampleWorld,
  documents: readonly Posted[],
  books: Books,
): EntryPlan[] {
  const batches = Map.groupBy(documents, ({ company, date, batch }) =>
    [company, date, batch].join(' '),
  );
  return [...batches.values()].flatMap((own) => {
    const [first] = own;
    if (!first) return [];
    const { company, date, batch } = first;
    const total = Money.sum(
      books.currency(company),
      own.map((each) => each.amount),
    );
    const row: Plan<'journal_entry'> = {
      ...{ number: '', company, journal: books.journal(company, journalOf[batch]), date },
      ...{ period: date.slice(0, 7), postedAt: `${date}T20:15:00.000Z` },
      ...{ user: books.poster(company), source: 'system', memo: memo(world), total },
      lines: [
        ...sideOf(own, { company, side: 'debit', books }),
        ...sideOf(own, { company, side: 'credit', books }),
      ],
    };
    return [{ row, documents: own, batch }];
  });
}

function sideOf(
  own: readonly Posted[],
  of: { readonly company: string; readonly side: 'debit' | 'credit'; readonly books: Books },
): Draft<'journal_entry'>['lines'][number][] {
  return [...Map.groupBy(own, (each) => each[of.side])].map(([number, same]) => ({
    ...{ debit: '0', credit: '0', account: of.books.account(of.company, number) },
    [of.side]: Decimal.sum(same.map((each) => each.amount.amount)),
  }));
}
