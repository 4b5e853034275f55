import { Decimal, Money, type SampleWorld } from 'tutti';
import { type BillPlan, chargeFor, type Numbering, planBill, totalOf } from './bill-plan.ts';
import { businessDay, offsetOf, periodOf } from './days.ts';
import { commandingMemo } from './memos.ts';

/** A bill that three_way_match must report, once it has an id. */
export interface MatchTruth {
  readonly kind: 'match.quantity' | 'match.price' | 'match.receipt';
  readonly bill: BillPlan;
}

/** The limits of each company; a difference must exceed the smaller of the two. */
export function addTolerances(world: SampleWorld): void {
  const limits = new Map([
    ['EUR', ['25', '2']],
    ['USD', ['30', '2']],
    ['GBP', ['20', '1.5']],
    ['PLN', ['100', '3']],
  ]);
  for (const { code, currency } of world.all('company')) {
    const [limit = '25', percent = '2'] = limits.get(currency) ?? [];
    world.add('match_tolerance', { company: code, amount: Money.of(limit, currency), percent });
  }
}

/** Changes drafts so that they disagree with their orders, and others so that they nearly do; adds bills without receipts. */
export function plantMatches(
  world: SampleWorld,
  bills: BillPlan[],
  numbers: Numbering,
): readonly MatchTruth[] {
  const drafts = world.random.shuffle(soleDrafts(world, bills));
  const truths: MatchTruth[] = [];
  const take = (count: number, change: (bill: BillPlan) => boolean): BillPlan[] => {
    const changed: BillPlan[] = [];
    for (const bill of [...drafts]) {
      if (changed.length === count * world.scale) break;
      if (!change(bill)) continue;
      changed.push(bill);
      drafts.splice(drafts.indexOf(bill), 1);
    }
    return changed;
  };
  const plant = (kind: MatchTruth['kind'], found: readonly BillPlan[]): void => {
    for (const bill of found) {
      if (world.random.chance(0.2)) bill.memo = commandingMemo(world);
      truths.push({ kind, bill });
    }
  };
  plant(
    'match.quantity',
    take(6, (bill) => overcharge(world, bill)),
  );
  plant(
    'match.price',
    take(6, (bill) => reprice(world, bill)),
  );
  plant('match.receipt', billUnreceived(world, bills, numbers));
  // In order: within the tolerance, its bound included, or on hold already.
  take(4, (bill) => repriceWithin(world, bill, true));
  take(3, (bill) => repriceWithin(world, bill, false));
  take(3, (bill) => overchargeWithin(world, bill));
  for (const bill of take(3, (each) => overcharge(world, each))) bill.hold = 'quantity';
  return truths;
}

/** Drafts that are their order's only bill, for its only receipt or the whole order: they charge all that they may. */
function soleDrafts(world: SampleWorld, bills: readonly BillPlan[]): BillPlan[] {
  const billed = Map.groupBy(bills, (bill) => bill.order);
  const received = Map.groupBy(world.all('goods_receipt'), (receipt) => receipt.order);
  const ordered = new Map(
    world
      .all('purchase_order')
      .filter(({ matching }) => matching === 'two_way')
      .map(({ id, lines }) => [id, lines]),
  );
  return bills.filter(({ status, order, lines }) => {
    if (status !== 'draft' || order === null || billed.get(order)?.length !== 1) return false;
    const whole = ordered.get(order);
    if (!whole) return received.get(order)?.length === 1;
    return whole.every(({ id, quantity }) =>
      lines.some((line) => line.orderLine === id && line.quantity === quantity),
    );
  });
}

/** What a line of this value may differ by. */
function allowed(world: SampleWorld, company: string, value: string): string {
  const limits = world.all('match_tolerance').find((each) => each.company === company);
  if (!limits) return '0';
  const share = Decimal.times(value, Decimal.times(limits.percent, '0.01'));
  return Decimal.isAbove(share, limits.amount.amount) ? limits.amount.amount : share;
}

function change(bill: BillPlan, index: number, to: Partial<BillPlan['lines'][number]>): void {
  bill.lines = bill.lines.map((line, place) => (place === index ? { ...line, ...to } : line));
  bill.total = totalOf(bill.lines);
}

/** Charges 8 to 40 per cent more pieces of a line than it stands for; at least what passes the tolerance. */
function overcharge(world: SampleWorld, bill: BillPlan): boolean {
  const index = world.random.integer(0, bill.lines.length - 1);
  const line = bill.lines[index];
  if (!line) return false;
  const value = Decimal.times(line.quantity, line.price.amount);
  const share = 0.08 + 0.32 * world.random.next();
  const more = String(Math.max(1, Math.ceil(Number(line.quantity) * share)));
  const excess = Decimal.times(more, line.price.amount);
  if (!Decimal.isAbove(excess, allowed(world, bill.company, value))) return false;
  change(bill, index, { quantity: Decimal.plus(line.quantity, more) });
  return true;
}

/** One piece more, where that is within the tolerance. */
function overchargeWithin(world: SampleWorld, bill: BillPlan): boolean {
  const index = bill.lines.findIndex((line) => {
    const value = Decimal.times(line.quantity, line.price.amount);
    return !Decimal.isAbove(line.price.amount, allowed(world, bill.company, value));
  });
  const line = bill.lines[index];
  if (!line) return false;
  change(bill, index, { quantity: Decimal.plus(line.quantity, '1') });
  return true;
}

/** Another price, 6 to 20 per cent up or down. */
function reprice(world: SampleWorld, bill: BillPlan): boolean {
  const index = world.random.integer(0, bill.lines.length - 1);
  const line = bill.lines[index];
  if (!line) return false;
  const share = (0.06 + 0.14 * world.random.next()) * (world.random.chance(0.8) ? 1 : -1);
  const price = (Number(line.price.amount) * (1 + share)).toFixed(2);
  const value = Decimal.times(line.quantity, line.price.amount);
  const difference = Decimal.times(
    Decimal.abs(Decimal.minus(price, line.price.amount)),
    line.quantity,
  );
  if (!Decimal.isAbove(difference, allowed(world, bill.company, value))) return false;
  change(bill, index, { price: Money.of(price, line.price.currency) });
  return true;
}

/** A price at the very bound of the tolerance, or half way to it. */
function repriceWithin(world: SampleWorld, bill: BillPlan, atBound: boolean): boolean {
  const index = world.random.integer(0, bill.lines.length - 1);
  const line = bill.lines[index];
  if (!line) return false;
  const bound = allowed(world, bill.company, Decimal.times(line.quantity, line.price.amount));
  let step = Decimal.over(bound, line.quantity, 4);
  if (Decimal.isAbove(Decimal.times(step, line.quantity), bound)) {
    step = Decimal.minus(step, '0.0001');
  }
  if (!atBound) step = Decimal.over(step, '2', 2);
  if (!Decimal.isAbove(step, '0')) return false;
  const price = Decimal.plus(line.price.amount, step);
  if (Decimal.isAbove(Decimal.times(step, line.quantity), bound)) return false;
  change(bill, index, { price: Money.of(price, line.price.currency) });
  return true;
}

/** Bills for orders of which nothing has come yet. */
function billUnreceived(world: SampleWorld, bills: BillPlan[], numbers: Numbering): BillPlan[] {
  const received = new Set(world.all('goods_receipt').map((receipt) => receipt.order));
  const waiting = world
    .all('purchase_order')
    .filter(
      (order) =>
        order.matching === 'three_way' &&
        order.status === 'open' &&
        !received.has(order.id) &&
        offsetOf(world, order.date) <= -3,
    );
  const { openFrom } = periodOf(world);
  return world.random
    .shuffle(waiting)
    .slice(0, 5 * world.scale)
    .map((order) => {
      const earliest = Math.max(openFrom, offsetOf(world, order.date) + 2);
      const day = businessDay(world, world.random.integer(earliest, Math.max(earliest, 0)));
      const bill = planBill(world, {
        ...{ number: numbers.next(order.vendor), company: order.company, vendor: order.vendor },
        ...{ order: order.id, day: Math.max(day, openFrom) },
        termsDays: numbers.termsDays(order.vendor),
        lines: order.lines.map((line) => chargeFor(line, line.quantity)),
      });
      bill.status = 'draft';
      bills.push(bill);
      return bill;
    });
}
