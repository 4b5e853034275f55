import { Day, type Draft, Money, type SampleWorld } from 'tutti';
import { type BillPlan, type Numbering, planBill } from './bill-plan.ts';
import { businessDay, offsetOf, periodOf } from './days.ts';
import { commandingMemo } from './memos.ts';
import { amount } from './service-bills.ts';

/** A bill that duplicate_invoice_guard must report, with the one that it repeats. */
export interface DuplicateTruth {
  readonly bill: BillPlan;
  readonly earlier: BillPlan;
}

/** Enters some bills a second time under an altered number, and adds pairs that only look like it. */
export function plantDuplicates(
  world: SampleWorld,
  bills: BillPlan[],
  facts: { readonly numbers: Numbering; readonly taken: ReadonlySet<BillPlan> },
): readonly DuplicateTruth[] {
  const free = world.random
    .shuffle(bills)
    // A monthly bill's twin would be a neighbour of the next month's; single numbers end in digits that can be altered.
    .filter((bill) => !facts.taken.has(bill) && /^[A-Z]*[-/]?\d+$/.test(bill.number))
    .filter((bill) => bill.hold === null && bill.status !== 'cancelled');
  const recent = free.filter((bill) => between(world, bill, [-24, -4]));
  const older = free.filter((bill) => between(world, bill, [-170, -82]));
  const truths = [
    ...recent.slice(0, 7 * world.scale).map((bill) => repeat(world, bill, [2, 24])),
    ...older.slice(0, 4 * world.scale).map((bill) => repeat(world, bill, [2, 30])),
  ];
  bills.push(...truths.map((truth) => truth.bill));
  bills.push(...lookAlikes(world, older.slice(4 * world.scale), facts.numbers));
  return truths;
}

function between(
  world: SampleWorld,
  bill: BillPlan,
  [low, high]: readonly [number, number],
): boolean {
  const day = offsetOf(world, bill.date);
  return day >= low && day <= high;
}

/** The second entry of a bill, typed in without its order. */
function repeat(
  world: SampleWorld,
  earlier: BillPlan,
  [low, high]: readonly [number, number],
): DuplicateTruth {
  const bill = copyOf(world, earlier, world.random.integer(low, high));
  bill.number = altered(world, earlier.number);
  if (world.random.chance(0.2)) bill.memo = commandingMemo(world);
  return { bill, earlier };
}

function copyOf(world: SampleWorld, of: BillPlan, daysLater: number): BillPlan {
  const first = offsetOf(world, of.date);
  return planBill(world, {
    ...{ number: of.number, company: of.company, vendor: of.vendor, order: null },
    day: Math.max(first + 1, businessDay(world, Math.min(0, first + daysLater))),
    termsDays: Day.between(of.date, of.dueOn),
    lines: [{ id: 'L1', orderLine: null, quantity: '1', price: of.total }],
  });
}

/** The same number as somebody else would type it. */
function altered(world: SampleWorld, number: string): string {
  const digits = number.replace(/^[A-Z]*[-/]?/, '');
  const prefix = number.slice(0, number.length - digits.length);
  const ways = [
    `${prefix}${digits}-${world.random.pick(['A', 'B', 'C'])}`,
    `${prefix}${digits} `,
    `${prefix.toLowerCase()}${digits}${prefix === '' ? '/A' : '.'}`,
    `INVOICE ${digits}`,
    prefix.endsWith('-') ? `${prefix.slice(0, -1)}${digits}` : `NO-${digits}`,
    ...(digits.slice(1).includes('0')
      ? [`${prefix}${digits[0]}${digits.slice(1).replace('0', 'O')}`]
      : []),
    ...(digits.slice(1).includes('1')
      ? [`${prefix}${digits[0]}${digits.slice(1).replace('1', 'I')}`]
      : []),
  ];
  return world.random.pick(ways);
}

/** Pairs that share all but one of the signs of a duplicate. */
function lookAlikes(
  world: SampleWorld,
  bills: readonly BillPlan[],
  numbers: Numbering,
): readonly BillPlan[] {
  const { random, scale } = world;
  const own = [...bills];
  const next = (): BillPlan[] => own.splice(0, 3 * scale);
  const found: BillPlan[] = [];
  // The number comes back in a new series, a day after the limit at the earliest.
  for (const bill of next()) {
    const later = copyOf(world, bill, random.integer(48, 75));
    later.number = altered(world, bill.number);
    found.push(later);
  }
  // The same number, a corrected amount.
  for (const bill of next()) {
    const later = copyOf(world, bill, random.integer(2, 20));
    later.number = altered(world, bill.number);
    const price = Money.plus(bill.total, amount(world, bill.total.currency, [3, 90]));
    found.push({ ...later, total: price, lines: later.lines.map((line) => ({ ...line, price })) });
  }
  // Another vendor happens to use the number, for the same amount.
  for (const bill of next()) {
    const others = world
      .all('party')
      .filter((party): party is Draft<'party'> => party.supplier && party.id !== bill.vendor)
      .filter((party) => party.currency === bill.total.currency);
    found.push({ ...copyOf(world, bill, random.integer(1, 12)), vendor: random.pick(others).id });
  }
  // Entered wrongly, cancelled, and entered again.
  for (const bill of next()) {
    const wrong = copyOf(world, bill, 1);
    found.push({ ...wrong, number: altered(world, bill.number), status: 'cancelled' });
  }
  return [...found, ...instalments(world, numbers)];
}

/** Two halves of one service: the same number with A and B, the same amount. */
function instalments(world: SampleWorld, numbers: Numbering): readonly BillPlan[] {
  const { random, scale } = world;
  return Array.from({ length: 3 * scale }, () => {
    const company = random.pick(world.all('company'));
    const vendors = world
      .all('party')
      .filter((party) => party.supplier && party.currency === company.currency);
    const vendor = random.pick(vendors).id;
    const number = numbers.next(vendor);
    const price = amount(world, company.currency, [400, 9000]);
    const first = random.integer(periodOf(world).from, -20);
    return ['A', 'B'].map((suffix, index) =>
      planBill(world, {
        ...{ number: `${number}-${suffix}`, company: company.code, vendor, order: null },
        day: businessDay(world, first + index * random.integer(1, 15)),
        termsDays: numbers.termsDays(vendor),
        lines: [{ id: 'L1', orderLine: null, quantity: '1', price }],
      }),
    );
  }).flat();
}
