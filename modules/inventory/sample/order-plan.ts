import { Day, type Draft, Money, type SampleWorld } from 'tutti';
import { type Buyer, buyersOf } from './buyers.ts';
import { rateOf } from './rates.ts';
import type { Place, Source } from './sourcing.ts';

/** An order before it is written, with its receipts; days are offsets from the business date. */
export interface OrderPlan {
  readonly place: Place;
  readonly buyer: string;
  readonly department: string;
  readonly day: number;
  expectedDay: number;
  status: 'draft' | 'open' | 'received' | 'closed' | 'cancelled';
  readonly matching: 'three_way' | 'two_way';
  readonly lines: readonly LinePlan[];
  receipts: ReceiptPlan[];
}

/** A line of such an order. */
export interface LinePlan {
  readonly product: Draft<'product'>;
  readonly quantity: number;
  readonly price: Money;
}

/** A delivery for such an order. */
export interface ReceiptPlan {
  readonly day: number;
  /** One for each line of the order, at the same place; lines that did not come are zero in both. */
  readonly lines: { accepted: number; rejected: number }[];
}

/** Pieces accepted of an order's line over all its receipts. */
export function acceptedOf(order: OrderPlan, line: number): number {
  return order.receipts.reduce((sum, receipt) => sum + (receipt.lines[line]?.accepted ?? 0), 0);
}

/** What is still to come of an order's line. */
export function openOf(order: OrderPlan, line: number): number {
  if (order.status !== 'open') return 0;
  return Math.max(0, (order.lines[line]?.quantity ?? 0) - acceptedOf(order, line));
}

/** The day of the last receipt, or undefined. */
export function lastReceiptDay(order: OrderPlan): number | undefined {
  return order.receipts.at(-1)?.day;
}

/** First day of the window of six closed months and the open one, and first day of the open month, as offsets. */
export function windowOf(world: SampleWorld): { readonly from: number; readonly openFrom: number } {
  const offset = (months: number): number =>
    Day.between(world.asOf, Day.monthStart(world.asOf, months));
  return { from: offset(-6), openFrom: offset(0) };
}

// Orders of a vendor in the seven months; the mean is 8.1. A few vendors get most orders, as in BPI Challenge 2019.
const ordersOfVendor = [4, 5, 6, 6, 7, 8, 8, 9, 10, 12, 14] as const;
// Lines of an order; the mean is 3.
const linesOfOrder = [1, 1, 2, 2, 3, 3, 3, 4, 5, 6] as const;

/**
 * Plans each vendor's orders over the window, at least eight days apart, so that no two orders of a vendor look like one
 * that was split; at least one has goods coming in during the open month.
 */
export function planOrders(world: SampleWorld, sources: readonly Source[]): OrderPlan[] {
  const buyers = buyersOf(world);
  const { openFrom } = windowOf(world);
  const isServed = (order: OrderPlan): boolean =>
    order.status === 'received' && (lastReceiptDay(order) ?? -99) >= openFrom;
  return sources.flatMap((source) => {
    const orders = planVendor(world, source, buyers);
    const waiting = orders.findLast(
      (each) => each.matching === 'three_way' && each.day < -9 && !isServed(each),
    );
    // Some more come in the open month, so that discrepancies can be planted and every vendor keeps an order without.
    const isSoon = (waiting?.day ?? -99) > openFrom - 40 && world.random.chance(0.5);
    if (waiting && (isSoon || !orders.some(isServed))) serveInOpenMonth(world, waiting, openFrom);
    return orders;
  });
}

function planVendor(
  world: SampleWorld,
  source: Source,
  buyers: ReadonlyMap<string, readonly Buyer[]>,
): OrderPlan[] {
  const { random } = world;
  const { from } = windowOf(world);
  const count = random.pick(ordersOfVendor);
  const slot = (-2 - from) / count;
  const shift = random.integer(0, 8);
  return Array.from({ length: count }, (_, index) => {
    const place = random.chance(0.7) ? source.places[0] : random.pick(source.places);
    const day = Math.floor(from + index * slot) + shift + random.integer(0, Math.floor(slot) - 9);
    const buyer = random.pick(buyers.get(place?.company.code ?? '') ?? []);
    return planOrder(world, { place: place as Place, day, ...buyer });
  });
}

function planOrder(
  world: SampleWorld,
  basis: Buyer & { readonly place: Place; readonly day: number },
): OrderPlan {
  const { random } = world;
  const expectedDay = basis.day + random.integer(8, 24);
  if (basis.place.unstocked.length > 0 && random.chance(0.08)) {
    const status = basis.day < -45 ? 'closed' : 'open';
    const lines = planLines(world, basis.place, basis.place.unstocked);
    return { ...basis, expectedDay, status, matching: 'two_way', lines, receipts: [] };
  }
  const lines = planLines(world, basis.place, basis.place.products);
  const order: OrderPlan = {
    ...basis,
    expectedDay,
    status: 'open',
    matching: 'three_way',
    lines,
    receipts: [],
  };
  if (random.chance(0.03)) order.status = 'cancelled';
  else if (basis.day >= -9 && random.chance(0.4)) order.status = 'draft';
  else if (expectedDay < 0) deliver(world, order);
  else if (basis.day < -6 && random.chance(0.4)) deliverInPart(world, order);
  return order;
}

function planLines(
  world: SampleWorld,
  place: Place,
  products: readonly Draft<'product'>[],
): readonly LinePlan[] {
  const { random } = world;
  const active = products.filter((product) => product.active);
  const chosen = random.shuffle(active.length > 0 ? active : products);
  const rate = rateOf(world, place.company.currency);
  return chosen.slice(0, random.pick(linesOfOrder)).map((product) => {
    const cost = Number(product.cost.amount);
    // 120 to 7,200 EUR a line, spread evenly over the orders of magnitude.
    const pieces = Math.max(1, Math.round((120 * 60 ** random.next()) / cost));
    const quantity = pieces > 100 ? Math.round(pieces / 10) * 10 : pieces;
    const price = Math.max(0.01, (cost / rate) * (0.96 + 0.08 * random.next()));
    return { product, quantity, price: Money.of(price.toFixed(2), place.company.currency) };
  });
}

/** All of it comes, in one receipt or two, around the expected day; one order in forty is late and still awaited. */
function deliver(world: SampleWorld, order: OrderPlan): void {
  const { random } = world;
  if (order.expectedDay >= -25 && random.chance(0.15)) return;
  const last = Math.min(0, order.expectedDay + random.integer(-4, 3));
  const whole = order.lines.map((line) => ({ accepted: line.quantity, rejected: 0 }));
  order.receipts = [{ day: last, lines: whole }];
  const first = last - random.integer(2, 6);
  if (random.chance(0.35) && first > order.day) {
    const part = order.lines.map((line) => random.integer(0, line.quantity));
    // The larger half of a small order may come at once: then there is only one receipt.
    if (part.some((pieces) => pieces > 0) && part.some((n, i) => n < (whole[i]?.accepted ?? 0))) {
      for (const [index, line] of whole.entries()) line.accepted -= part[index] ?? 0;
      const lines = part.map((accepted) => ({ accepted, rejected: 0 }));
      order.receipts.unshift({ day: first, lines });
    }
  }
  order.status = last < -40 && random.chance(0.9) ? 'closed' : 'received';
}

/** A first part has come; the rest is due today or later. */
function deliverInPart(world: SampleWorld, order: OrderPlan): void {
  const { random } = world;
  const lines = order.lines.map((line) => ({
    accepted: random.integer(0, line.quantity - 1),
    rejected: 0,
  }));
  if (lines.every((line) => line.accepted === 0)) return;
  order.receipts = [{ day: random.integer(Math.max(order.day + 3, -12), 0), lines }];
}

function serveInOpenMonth(world: SampleWorld, order: OrderPlan, openFrom: number): void {
  const { random } = world;
  const day = random.integer(Math.min(-2, Math.max(openFrom, order.day + 4)), -2);
  order.expectedDay = Math.min(-1, day + random.integer(-1, 3));
  order.status = 'received';
  const lines = order.lines.map((line) => ({ accepted: line.quantity, rejected: 0 }));
  order.receipts = [{ day, lines }];
}
