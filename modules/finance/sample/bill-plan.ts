import { Decimal, type Draft, Money, type SampleWorld } from 'tutti';
import { businessDay, offsetOf, paymentDay, periodOf } from './days.ts';
import { memo } from './memos.ts';
import type { Plan } from './row.ts';

export type BillPlan = Plan<'bill'>;
type Line = BillPlan['lines'][number];

/** What is each vendor's own: how it numbers its bills, and when it wants to be paid. */
export interface Numbering {
  /** A number that the vendor has not used yet. */
  next(vendor: string): string;
  termsDays(vendor: string): number;
}

const prefixes = ['INV-', 'RE-', 'F-', 'SI', 'INV', 'R/', '', '2-'] as const;

/** Numbers start at a different place for every vendor, so that few are equal between vendors. */
export function numbering(world: SampleWorld): Numbering {
  const { random } = world;
  const vendors = new Map(
    world.all('party').map(({ id }) => [
      id,
      {
        prefix: random.pick<string>(prefixes),
        last: random.integer(1, 89) * 1000 + random.integer(10, 900),
        termsDays: random.pick([14, 21, 30, 30, 45]),
      },
    ]),
  );
  return {
    next: (vendor) => {
      const own = vendors.get(vendor) ?? { prefix: '', last: 0 };
      own.last += random.integer(1, 4);
      return `${own.prefix}${own.last}`;
    },
    termsDays: (vendor) => vendors.get(vendor)?.termsDays ?? 30,
  };
}

/** What a bill is made from. */
export interface BillFacts {
  readonly number: string;
  readonly company: string;
  readonly vendor: string;
  readonly termsDays: number;
  readonly order: string | null;
  /** Offset from the business date. */
  readonly day: number;
  readonly lines: readonly Line[];
}

/** Plans a bill; whether it is a draft, open or paid follows from its date and the vendor's terms. */
export function planBill(world: SampleWorld, facts: BillFacts): BillPlan {
  const { number, company, vendor, order, day, lines } = facts;
  const dueDay = day + facts.termsDays;
  return {
    ...{ number, company, vendor, order, lines },
    date: world.day(day),
    dueOn: world.day(dueDay),
    status: statusOn(world, day, dueDay),
    hold: null,
    memo: memo(world),
    total: totalOf(lines),
    entry: null,
  };
}

/** The sum of the lines, rounded to cents. */
export function totalOf(lines: readonly Line[]): Money {
  const currency = lines[0]?.price.currency ?? 'EUR';
  return Money.round(
    Money.sum(
      currency,
      lines.map((line) => Money.times(line.price, line.quantity)),
    ),
  );
}

function statusOn(world: SampleWorld, day: number, dueDay: number): BillPlan['status'] {
  if (paymentDay(world, dueDay) <= 0 && !world.random.chance(0.02)) return 'paid';
  return day >= periodOf(world).openFrom && world.random.chance(0.6) ? 'draft' : 'open';
}

/** Plans the bills of all orders: what was received is billed, or what was ordered where no receipt is required. */
export function planOrderBills(world: SampleWorld, numbers: Numbering): BillPlan[] {
  const receipts = Map.groupBy(world.all('goods_receipt'), (receipt) => receipt.order);
  return world.all('purchase_order').flatMap((order) => {
    if (order.status === 'draft' || order.status === 'cancelled') return [];
    const parts =
      order.matching === 'two_way'
        ? orderedParts(world, order)
        : (receipts.get(order.id) ?? []).map((receipt) => ({
            day: offsetOf(world, receipt.date) + world.random.integer(1, 9),
            lines: acceptedLines(order, receipt),
          }));
    return parts.flatMap(({ day, lines }) => {
      const date = latest(world, day);
      if (date === null || lines.length === 0) return [];
      const { company, vendor } = order;
      const number = numbers.next(vendor);
      const termsDays = numbers.termsDays(vendor);
      return [
        planBill(world, { number, company, vendor, termsDays, order: order.id, day: date, lines }),
      ];
    });
  });
}

/** A bill that would come in after the business date is still in the post, except that a few came at once. */
function latest(world: SampleWorld, day: number): number | null {
  if (day > 3) return null;
  const { openFrom } = periodOf(world);
  const date = businessDay(world, Math.min(0, day));
  // Entered this month though it was sent last month: drafts lie in the open month.
  return date < openFrom && day >= -6 ? businessDay(world, openFrom) : date;
}

function acceptedLines(
  order: Draft<'purchase_order'>,
  receipt: Draft<'goods_receipt'>,
): readonly Line[] {
  return receipt.lines.flatMap(({ orderLine, accepted }) => {
    const ordered = order.lines.find((line) => line.id === orderLine);
    return ordered && Decimal.isAbove(accepted, '0') ? [chargeFor(ordered, accepted)] : [];
  });
}

/** A bill line for a quantity of an order line at the order's price. */
export function chargeFor(
  ordered: Draft<'purchase_order'>['lines'][number],
  quantity: string,
): Line {
  return { id: ordered.id, orderLine: ordered.id, quantity, price: ordered.price };
}

/** In full, or in two parts a fortnight apart. */
function orderedParts(
  world: SampleWorld,
  order: Draft<'purchase_order'>,
): readonly { readonly day: number; readonly lines: readonly Line[] }[] {
  const day = offsetOf(world, order.date) + world.random.integer(4, 20);
  const whole = order.lines.map((line) => chargeFor(line, line.quantity));
  if (!world.random.chance(0.2)) return [{ day, lines: whole }];
  const first = order.lines.map((line) => Math.floor(Number(line.quantity) / 2));
  const part = (quantityOf: (index: number) => number): readonly Line[] =>
    order.lines.flatMap((line, index) => {
      const quantity = quantityOf(index);
      return quantity > 0 ? [chargeFor(line, String(quantity))] : [];
    });
  return [
    { day, lines: part((index) => first[index] ?? 0) },
    {
      day: day + 14,
      lines: part((index) => Number(order.lines[index]?.quantity) - (first[index] ?? 0)),
    },
  ];
}
