import { Day, type Draft, Money, type SampleWorld, Text } from 'tutti';
import { rateOf } from './rates.ts';
import { centsOf, type PlacedMove } from './stock.ts';
import type { LevelPlan } from './stock-plan.ts';

/**
 * Posts the stock's value to each company's inventory account: an opening balance and the net movement of every month.
 * Two companies' ledgers are off by more than the tolerance, and one by less.
 */
export function postStock(
  world: SampleWorld,
  levels: readonly LevelPlan[],
  moves: readonly PlacedMove[],
): void {
  const { random } = world;
  const companies = random.shuffle([...new Set(levels.map((level) => level.place.company))]);
  for (const [index, company] of companies.entries()) {
    const own = levels.filter((level) => level.place.company === company && level.listed);
    const worth = own.reduce((sum, level) => sum + centsOf(level.product, level.onHand), 0);
    const rate = rateOf(world, company.currency);
    const sign = random.chance(0.5) ? 1 : -1;
    const off =
      index < 2 ? random.integer(120_000, 980_000) : index === 2 ? random.integer(100, 4_000) : 0;
    const balance = Math.round(worth / rate) + sign * off;
    const flows = moves.filter((move) => move.warehouse.company === company.code);
    const account = postCompany(world, company, { balance, flows, rate });
    if (index < 2) {
      world.expect({
        agent: 'inventory.valuation_reconciliation',
        kind: 'valuation.ledger',
        company: company.code,
        records: [{ entity: 'account', id: account }],
      });
    }
  }
}

function postCompany(
  world: SampleWorld,
  company: Draft<'company'>,
  facts: { readonly balance: number; readonly flows: readonly PlacedMove[]; readonly rate: number },
): string {
  const accounts = world.all('account').filter((account) => account.company === company.code);
  const inventory = accounts.find((account) => account.control === 'inventory')?.id ?? '';
  const idOf = (number: string): string =>
    accounts.find((account) => account.number === number)?.id ?? '';
  const [opening, ...later] = monthsOf(world, facts.flows);
  let left = facts.balance;
  for (const month of later) {
    const cents = Math.round(month.cents / facts.rate);
    left -= cents;
    postEntry(world, company, { ...month, cents, inventory, other: idOf('5000') });
  }
  if (opening) {
    const day = world.day(opening.firstDay);
    postEntry(world, company, {
      ...opening,
      day,
      cents: left,
      inventory,
      other: idOf('3100'),
    });
  }
  return inventory;
}

interface MonthFlow {
  readonly firstDay: number;
  /** The last weekday of the month, or the business date. */
  readonly day: string;
  readonly cents: number;
}

/** The opening balance, then the window's months with the value that moved in them. */
function monthsOf(world: SampleWorld, flows: readonly PlacedMove[]): MonthFlow[] {
  const byMonth = Map.groupBy(
    flows.filter((move) => move.reason !== 'opening'),
    (move) => world.day(move.day).slice(0, 7),
  );
  const months: MonthFlow[] = [];
  let last = 0;
  for (let count = 0; count < 7; count++) {
    const firstDay = last + 1 - Number(world.day(last).slice(8));
    let day = last;
    while (Day.isWeekend(world.day(day)) && day > firstDay) day -= 1;
    const own = byMonth.get(world.day(last).slice(0, 7)) ?? [];
    const cents = own.reduce((sum, move) => sum + centsOf(move.product, move.quantity), 0);
    months.unshift({ firstDay, day: world.day(day), cents });
    last = firstDay - 1;
  }
  const first = months[0];
  return first ? [{ ...first, cents: 0 }, ...months] : [];
}

function postEntry(
  world: SampleWorld,
  company: Draft<'company'>,
  entry: {
    readonly day: string;
    readonly cents: number;
    readonly inventory: string;
    readonly other: string;
  },
): void {
  if (entry.cents === 0) return;
  const amount = (Math.abs(entry.cents) / 100).toFixed(2);
  const [debit, credit] =
    entry.cents > 0 ? [entry.inventory, entry.other] : [entry.other, entry.inventory];
  const number = world.all('journal_entry').length + 1;
  world.add('journal_entry', {
    number: `ST-${String(number).padStart(6, '0')}`,
    company: company.code,
    journal: journalOf(world, company),
    date: entry.day,
    period: entry.day.slice(0, 7),
    postedAt: `${entry.day}T18:30:00.000Z`,
    user: bookkeeperOf(world, company),
    source: 'system',
    memo: new Text(world.prose()),
    total: Money.of(amount, company.currency),
    lines: [
      { account: debit, debit: amount, credit: '0.00' },
      { account: credit, debit: '0.00', credit: amount },
    ],
  });
}

function journalOf(world: SampleWorld, company: Draft<'company'>): string {
  const own = world.all('journal').filter((journal) => journal.company === company.code);
  return (own.find((journal) => journal.code === 'GEN') ?? own[0])?.id ?? '';
}

/** The technical user that posts for the warehouse. */
function bookkeeperOf(world: SampleWorld, company: Draft<'company'>): string {
  const groups = new Set(
    world.all('user_group').flatMap((group) => (group.company === company.code ? group.id : [])),
  );
  const users = world.all('user').filter((user) => groups.has(user.group));
  return (users.find((user) => user.employee === null) ?? users[0])?.id ?? '';
}
