import type { Draft, Money, SampleWorld } from 'tutti';
import { businessDay, offsetOf, paymentDay, periodOf } from './days.ts';
import { amount } from './service-bills.ts';

export type BankKind = 'bank.amount' | 'bank.duplicate' | 'bank.fee' | 'bank.unmatched';

/** Money that moves: what the cash book has of it, and what the bank's statement has. Days are offsets. */
export interface Movement {
  readonly account: Draft<'bank_account'>;
  readonly company: string;
  readonly party: string | null;
  readonly direction: 'in' | 'out';
  readonly purpose: 'bill' | 'receivable' | 'fee' | 'opening';
  readonly bill: string | null;
  readonly receivable: Draft<'receivable'> | null;
  readonly booked: Money;
  /** Null: not in the cash book. */
  bookedDay: number | null;
  stated: Money;
  /** Null: on no statement yet. */
  statedDay: number | null;
  /** What the bank quotes; null stands for our own payment number. */
  quoted: string | null;
  /** How the reference arrives on the statement. */
  passing: 'as it is' | 'retyped' | 'lost';
  /** The movement that this one repeats. */
  twin: Movement | null;
  planted: BankKind | null;
  payment: Draft<'payment'> | null;
  line: Draft<'bank_line'> | null;
}

/** Plans what paid bills, paid receivables, the banks' fees and the opening balances move. */
export function planMovements(
  world: SampleWorld,
  bills: readonly Draft<'bill'>[],
  receivables: readonly Draft<'receivable'>[],
): Movement[] {
  const accounts = Map.groupBy(
    world.all('bank_account').filter((account) => account.company !== null),
    (account) => account.company ?? '',
  );
  const accountOf = (company: string): Draft<'bank_account'> =>
    world.random.pick(accounts.get(company) ?? []);
  return [
    ...bills
      .filter((bill) => bill.status === 'paid')
      .map((bill) => forBill(world, bill, accountOf(bill.company))),
    ...receivables
      .filter((receivable) => receivable.status === 'paid')
      .map((receivable) => forReceivable(world, receivable, accountOf(receivable.company))),
    ...[...accounts.values()]
      .flat()
      .flatMap((account) => [forOpening(world, account), ...forFees(world, account)]),
  ];
}

type Facts = Pick<Movement, 'account' | 'direction' | 'purpose' | 'booked' | 'bookedDay'> &
  Partial<Movement>;

function movement(facts: Facts): Movement {
  return {
    ...{ company: facts.account.company ?? '', party: null, bill: null, receivable: null },
    ...{ stated: facts.booked, statedDay: facts.bookedDay, quoted: null, passing: 'as it is' },
    ...{ twin: null, planted: null, payment: null, line: null },
    ...facts,
  };
}

function forBill(
  world: SampleWorld,
  bill: Draft<'bill'>,
  account: Draft<'bank_account'>,
): Movement {
  const bookedDay = paymentDay(world, offsetOf(world, bill.dueOn));
  const lag = world.random.integer(0, 2);
  const statedDay = bookedDay + lag > 0 ? null : businessDay(world, bookedDay + lag);
  return movement({
    ...{ account, direction: 'out', purpose: 'bill', party: bill.vendor, bill: bill.id },
    ...{ booked: bill.total, bookedDay, statedDay },
  });
}

function forReceivable(
  world: SampleWorld,
  receivable: Draft<'receivable'>,
  account: Draft<'bank_account'>,
): Movement {
  const { random } = world;
  const due = offsetOf(world, receivable.dueOn);
  const statedDay = businessDay(world, Math.min(-1, due + random.integer(-6, 9)));
  const bookedDay = Math.min(0, businessDay(world, statedDay + random.integer(0, 1)));
  return movement({
    ...{ account, direction: 'in', purpose: 'receivable', party: receivable.customer, receivable },
    ...{ booked: receivable.total, bookedDay, statedDay, quoted: receivable.number },
  });
}

function forOpening(world: SampleWorld, account: Draft<'bank_account'>): Movement {
  const bookedDay = businessDay(world, periodOf(world).from);
  const booked = amount(world, account.currency, [400_000, 1_800_000]);
  return movement({
    account,
    direction: 'in',
    purpose: 'opening',
    booked,
    bookedDay,
    statedDay: null,
  });
}

/** One fee a month, late in the month; the open month's is as far back as the business date asks. */
function forFees(world: SampleWorld, account: Draft<'bank_account'>): Movement[] {
  const { random } = world;
  const { from } = periodOf(world);
  const booked = amount(world, account.currency, [6, 60]);
  const movements: Movement[] = [];
  for (let first = from; first <= 0; ) {
    const days = daysOfMonth(world, first);
    const last = Math.min(-1, first + days - 1);
    const statedDay = businessDay(world, Math.max(first, last - random.integer(1, 7)));
    const bookedDay = businessDay(world, Math.min(0, statedDay + random.integer(0, 2)));
    movements.push(
      movement({ account, direction: 'out', purpose: 'fee', booked, bookedDay, statedDay }),
    );
    first += days;
  }
  return movements;
}

function daysOfMonth(world: SampleWorld, first: number): number {
  let days = 28;
  while (world.day(first + days).slice(0, 7) === world.day(first).slice(0, 7)) days += 1;
  return days;
}
