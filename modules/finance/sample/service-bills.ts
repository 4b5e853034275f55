import { type Draft, Money, type SampleWorld } from 'tutti';
import { type BillPlan, type Numbering, planBill } from './bill-plan.ts';
import { businessDay, periodOf } from './days.ts';

/** Plans bills without an order: monthly ones of equal amounts, and single services. */
export function planServiceBills(world: SampleWorld, numbers: Numbering): BillPlan[] {
  return world.all('company').flatMap((company) => {
    const vendors = world
      .all('party')
      .filter((party) => party.supplier && party.currency === company.currency);
    const chosen = world.random.shuffle(vendors);
    const monthly = chosen.slice(0, 6 * world.scale);
    const single = Array.from({ length: 14 * world.scale }, () => world.random.pick(vendors));
    return [
      ...monthly.flatMap((vendor) => planMonthly(world, { company, vendor, numbers })),
      ...single.map((vendor) => planSingle(world, { company, vendor, numbers })),
    ];
  });
}

interface Service {
  readonly company: Draft<'company'>;
  readonly vendor: Draft<'party'>;
  readonly numbers: Numbering;
}

/** A rent or a subscription: the same amount every month, numbered by the month. */
function planMonthly(world: SampleWorld, { company, vendor, numbers }: Service): BillPlan[] {
  const { random } = world;
  const prefix = random.pick(['RENT', 'LEASE', 'SUB', 'ABO']);
  const price = amount(world, company.currency, [300, 9000]);
  const { from } = periodOf(world);
  const months = new Map<string, number>();
  for (let day = from; day <= 0; day++) {
    const month = world.day(day).slice(0, 7);
    if (!months.has(month)) months.set(month, day);
  }
  return [...months].map(([month, first]) =>
    planBill(world, {
      ...{ number: `${prefix}-${month}`, company: company.code, vendor: vendor.id, order: null },
      day: businessDay(world, Math.min(0, first + random.integer(0, 3))),
      termsDays: numbers.termsDays(vendor.id),
      lines: [{ id: 'L1', orderLine: null, quantity: '1', price }],
    }),
  );
}

function planSingle(world: SampleWorld, { company, vendor, numbers }: Service): BillPlan {
  const { from } = periodOf(world);
  const price = amount(world, company.currency, [80, 12_000]);
  return planBill(world, {
    ...{ number: numbers.next(vendor.id), company: company.code, vendor: vendor.id, order: null },
    termsDays: numbers.termsDays(vendor.id),
    day: businessDay(world, world.random.integer(from, -1)),
    lines: [{ id: 'L1', orderLine: null, quantity: '1', price }],
  });
}

/** An amount between two bounds, spread evenly over the orders of magnitude, never a round sum. */
export function amount(
  world: SampleWorld,
  currency: string,
  [low, high]: readonly [number, number],
): Money {
  const whole = Math.floor(low * (high / low) ** world.random.next());
  return Money.of(`${whole}.${String(world.random.integer(1, 99)).padStart(2, '0')}`, currency);
}
