import { type Draft, Money, type SampleWorld } from 'tutti';
import { memo } from './memo.ts';

/** A manual journal entry before it is written; days are offsets from the business date. */
export interface EntryPlan {
  readonly journal: Draft<'journal'>;
  readonly day: number;
  readonly postedDay: number;
  readonly user: string;
  /** In the company's currency. */
  readonly total: string;
}

// Cost against accruals, prepayments and depreciation: no control account, nothing that another module compares.
const pairs = [
  ['6200', '2400'],
  ['6300', '2400'],
  ['6400', '2400'],
  ['6500', '1500'],
  ['6600', '2400'],
  ['6700', '1500'],
  ['6800', '2400'],
  ['6900', '1790'],
  ['2400', '6600'],
] as const;

/** Writes the entries in the order of their posting; numbers go on where the journal's numbers end. */
export function addEntries(
  world: SampleWorld,
  plans: readonly EntryPlan[],
): ReadonlyMap<EntryPlan, Draft<'journal_entry'>> {
  const currencies = new Map(world.all('company').map(({ code, currency }) => [code, currency]));
  const accounts = new Map(
    world.all('account').map((each) => [`${each.company} ${each.number}`, each.id]),
  );
  const counts = countsOf(world);
  const ordered = world.random.shuffle(plans).sort((a, b) => a.postedDay - b.postedDay);
  return new Map(
    ordered.map((plan) => {
      const { company, code, id } = plan.journal;
      const count = (counts.get(id) ?? 0) + 1;
      counts.set(id, count);
      const date = world.day(plan.day);
      const sides = world.random.pick(pairs).map((number) => accounts.get(`${company} ${number}`));
      const [debit = '', credit = ''] = sides;
      const row = world.add('journal_entry', {
        number: `${company.slice(-2)}-${code}-${String(count).padStart(5, '0')}`,
        company,
        journal: id,
        date,
        period: date.slice(0, 7),
        postedAt: `${world.day(plan.postedDay)}T${officeTime(world)}.000Z`,
        user: plan.user,
        source: 'manual',
        memo: memo(world),
        total: Money.of(plan.total, currencies.get(company) ?? ''),
        lines: [
          { account: debit, debit: plan.total, credit: '0' },
          { account: credit, debit: '0', credit: plan.total },
        ],
      });
      return [plan, row];
    }),
  );
}

/** The highest number that each journal has given so far. */
function countsOf(world: SampleWorld): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { journal, number } of world.all('journal_entry')) {
    const count = Number(/\d+$/.exec(number)?.[0] ?? 0);
    counts.set(journal, Math.max(count, counts.get(journal) ?? 0));
  }
  return counts;
}

/** A time at which it is the same day in all companies. */
function officeTime(world: SampleWorld): string {
  const { random } = world;
  const pad = (number: number): string => String(number).padStart(2, '0');
  return [random.integer(8, 16), random.integer(0, 59), random.integer(0, 59)].map(pad).join(':');
}
