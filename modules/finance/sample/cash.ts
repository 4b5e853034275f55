import { type Draft, Money, type SampleWorld } from 'tutti';
import { plantBankExceptions } from './bank-plants.ts';
import { periodOf } from './days.ts';
import { memo } from './memos.ts';
import { type Movement, planMovements } from './movements.ts';

/** Adds the cash book and the banks' statements, with what bank_reconciliation must find in them. */
export function addCash(
  world: SampleWorld,
  bills: readonly Draft<'bill'>[],
  receivables: readonly Draft<'receivable'>[],
): readonly Movement[] {
  const movements = planMovements(world, bills, receivables);
  plantBankExceptions(world, movements);
  const ordered = world.random.shuffle(movements);
  for (const [index, each] of bySchedule(ordered, (one) => one.bookedDay).entries()) {
    addPayment(world, each, `PAY-${String(index + 1).padStart(6, '0')}`);
  }
  for (const each of bySchedule(ordered, (one) => one.statedDay)) addLine(world, each);
  for (const each of ordered) expectFinding(world, each);
  return movements;
}

function bySchedule(
  movements: readonly Movement[],
  dayOf: (each: Movement) => number | null,
): Movement[] {
  return movements
    .filter((each) => dayOf(each) !== null)
    .sort((a, b) => (dayOf(a) ?? 0) - (dayOf(b) ?? 0));
}

function addPayment(world: SampleWorld, each: Movement, number: string): void {
  const { account, company, party, direction, purpose, bill, booked } = each;
  const { openFrom, from } = periodOf(world);
  // Opening balances were reconciled before the first statement.
  const settledDay = purpose === 'opening' ? from : each.statedDay;
  each.payment = world.add('payment', {
    ...{ number, company, account: account.id, party, direction, purpose, bill, amount: booked },
    receivable: each.receivable?.id ?? null,
    reference: each.quoted ?? number,
    date: world.day(each.bookedDay ?? 0),
    status: settledDay !== null && settledDay < openFrom ? 'reconciled' : 'executed',
    entry: null,
  });
}

function addLine(world: SampleWorld, each: Movement): void {
  const day = each.statedDay ?? 0;
  const matched = day < periodOf(world).openFrom;
  each.line = world.add('bank_line', {
    account: each.account.id,
    date: world.day(day),
    kind: each.purpose === 'fee' ? 'fee' : 'transfer',
    amount: each.direction === 'in' ? each.stated : Money.negate(each.stated),
    reference: referenceOf(each),
    remittance: memo(world),
    status: matched ? 'matched' : 'open',
    payment: matched ? (each.payment?.id ?? null) : null,
  });
}

function referenceOf(each: Movement): string | null {
  if (each.purpose === 'fee' || each.passing === 'lost') return null;
  const reference = each.quoted ?? each.twin?.payment?.reference ?? each.payment?.reference ?? null;
  return each.passing === 'retyped' && reference !== null
    ? ` ${reference.toLowerCase().replace('-', ' ')}`
    : reference;
}

function expectFinding(world: SampleWorld, each: Movement): void {
  if (each.planted === null || !each.line) return;
  const payment = each.twin?.payment ?? each.payment;
  world.expect({
    agent: 'finance.bank_reconciliation',
    kind: each.planted,
    company: each.company,
    records: [
      { entity: 'bank_line', id: each.line.id },
      ...(payment ? [{ entity: 'payment' as const, id: payment.id }] : []),
    ],
  });
}
