import type { Draft, SampleWorld } from 'tutti';
import { businessDay, periodOf } from './days.ts';
import type { Books, EntryPlan } from './ledger-plan.ts';
import { memo } from './memos.ts';
import { amount } from './service-bills.ts';

// What accountants post by hand: cost against accruals, prepayments and depreciation; never a control account.
const pairs = [
  ...[
    ['6200', '2400'],
    ['6300', '2400'],
    ['6600', '2400'],
    ['6700', '1500'],
    ['6800', '2400'],
  ],
  ...[
    ['6900', '1790'],
    ['7100', '2400'],
    ['2400', '6600'],
    ['6400', '2400'],
    ['6500', '1500'],
  ],
] as const;

/** Entries that each of a journal's accountants posts in the seven months: far from seldom. */
const perUser = 11;

/**
 * Plans the ordinary manual entries of every journal: three accountants take turns, on weekdays in office hours, on the day
 * itself, never a round sum.
 */
export function planManualEntries(world: SampleWorld, books: Books): EntryPlan[] {
  const { random } = world;
  const { from } = periodOf(world);
  const accountants = accountantsOf(world);
  return world.all('journal').flatMap((journal) => {
    const users = random.shuffle(accountants.get(journal.company) ?? []).slice(0, 3);
    return Array.from({ length: 3 * perUser }, (_, index): EntryPlan => {
      const date = world.day(businessDay(world, random.integer(from, -1)));
      const time = `${pad(random.integer(8, 16))}:${pad(random.integer(0, 59))}:${pad(random.integer(0, 59))}`;
      const total = amount(world, books.currency(journal.company), [60, 14_000]);
      const [debit = '', credit = ''] = random.pick<readonly string[]>(pairs);
      return {
        documents: [],
        batch: null,
        row: {
          ...{ number: '', company: journal.company, journal: journal.id, date },
          ...{ period: date.slice(0, 7), postedAt: `${date}T${time}.000Z` },
          user: users[index % users.length]?.id ?? '',
          ...{ source: 'manual', memo: memo(world), total },
          lines: [
            { account: books.account(journal.company, debit), debit: total.amount, credit: '0' },
            { account: books.account(journal.company, credit), debit: '0', credit: total.amount },
          ],
        },
      };
    });
  });
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

function accountantsOf(world: SampleWorld): ReadonlyMap<string, readonly Draft<'user'>[]> {
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const people = world.all('user').filter((user) => user.status === 'active' && user.employee);
  return Map.groupBy(people, (user) => companyOf.get(user.group) ?? '');
}
