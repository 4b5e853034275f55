import { Money, type SampleWorld } from 'tutti';
import { businessDay, periodOf } from './days.ts';
import type { BankKind, Movement } from './movements.ts';
import { amount } from './service-bills.ts';

/** Makes statements and cash book disagree here and there in the open month, and look alike without it elsewhere. */
export function plantBankExceptions(world: SampleWorld, movements: Movement[]): void {
  const { random, scale } = world;
  const { openFrom } = periodOf(world);
  const stated = random
    .shuffle(movements)
    .filter((each) => each.statedDay !== null && each.bookedDay !== null);
  const open = stated.filter((each) => (each.statedDay ?? 0) >= openFrom);
  const transfers = open.filter((each) => each.purpose !== 'fee');
  const take = (count: number, fits: (each: Movement) => boolean): Movement[] => {
    const found = transfers.filter(fits).slice(0, count * scale);
    for (const each of found) transfers.splice(transfers.indexOf(each), 1);
    return found;
  };

  for (const each of take(4, () => true)) {
    const share = (0.01 + 0.08 * random.next()) * (random.chance(0.5) ? 1 : -1);
    const difference = Money.round(Money.times(each.booked, share.toFixed(4)));
    each.stated = Money.plus(
      each.booked,
      Money.isZero(difference) ? Money.of('0.5', difference.currency) : difference,
    );
    each.planted = 'bank.amount';
  }
  const settled = stated.filter((each) => {
    const day = each.statedDay ?? 0;
    return (
      each.direction === 'out' && each.purpose === 'bill' && day < openFrom && day >= openFrom - 9
    );
  });
  const repeated = take(3, (each) => each.direction === 'out' && (each.statedDay ?? 0) <= -2);
  // Some repeat a payment that last month's statement settled; at a month's start most do.
  repeated.push(...settled.slice(0, 4 * scale - repeated.length));
  for (const each of repeated) movements.push(repetitionOf(world, each));
  for (const each of take(3, (one) => one.direction === 'in')) {
    each.bookedDay = null;
    each.planted = 'bank.unmatched';
    if (each.receivable) each.receivable.status = 'open';
  }
  for (const each of open.filter((one) => one.purpose === 'fee').slice(0, 3 * scale)) {
    each.bookedDay = null;
    each.planted = 'bank.fee';
  }
  loseReferences(
    world,
    movements,
    take(7, (each) => each.direction === 'out' || random.chance(0.5)),
  );
  for (const each of transfers) if (random.chance(0.2)) each.passing = 'retyped';
  movements.push(...directDebits(world, movements));
}

/** A second line for one payment, one to four days later. */
function repetitionOf(world: SampleWorld, of: Movement): Movement {
  const { openFrom } = periodOf(world);
  const first = of.statedDay ?? 0;
  const later = Math.max(
    openFrom,
    first + 1,
    businessDay(world, Math.min(0, first + world.random.integer(1, 4))),
  );
  return { ...of, bookedDay: null, statedDay: later, twin: of, planted: 'bank.duplicate' };
}

/** Some references get lost on the way; each such amount occurs once in its account's cash book. */
function loseReferences(
  world: SampleWorld,
  movements: readonly Movement[],
  candidates: readonly Movement[],
): void {
  const near = (each: Movement): boolean => (each.bookedDay ?? -99) >= periodOf(world).from;
  const counts = Map.groupBy(movements.filter(near), amountKey);
  for (const each of candidates) {
    const apart = Math.abs((each.bookedDay ?? 0) - (each.statedDay ?? 0));
    if (apart <= 4 && counts.get(amountKey(each))?.length === 1) each.passing = 'lost';
  }
}

function amountKey(each: Movement): string {
  return [each.account.id, each.direction, each.booked.amount].join(' ');
}

/** Money that left an account without anybody's payment; half of the lines quote a mandate. */
function directDebits(world: SampleWorld, movements: readonly Movement[]): Movement[] {
  const { random, scale } = world;
  const { openFrom } = periodOf(world);
  const accounts = world.all('bank_account').filter((account) => account.company !== null);
  const known = new Set(movements.map(amountKey));
  return Array.from({ length: 3 * scale }, (_, index): Movement => {
    const account = random.pick(accounts);
    let booked = amount(world, account.currency, [90, 4000]);
    while (known.has([account.id, 'out', booked.amount].join(' '))) {
      booked = amount(world, account.currency, [90, 4000]);
    }
    const statedDay = businessDay(world, random.integer(openFrom, 0));
    const planted: BankKind = 'bank.unmatched';
    return {
      ...{ account, company: account.company ?? '', party: null, direction: 'out' },
      ...{ purpose: 'bill', bill: null, receivable: null, booked, bookedDay: null },
      ...{ stated: booked, statedDay: Math.max(statedDay, openFrom), twin: null, planted },
      quoted: `MND-${random.integer(200_000, 899_999)}`,
      passing: index % 2 === 0 ? 'lost' : 'as it is',
      ...{ payment: null, line: null },
    };
  });
}
