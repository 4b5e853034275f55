import type { SampleWorld } from 'tutti';
import { acceptedOf, lastReceiptDay, type OrderPlan, windowOf } from './order-plan.ts';
import { type Take, takeFrom } from './victims.ts';

/** What receipt_discrepancy must report of an order, once its rows have ids. */
export interface ReceiptTruth {
  readonly kind: 'receipt.short' | 'receipt.over' | 'receipt.rejected' | 'receipt.unordered';
  readonly order: OrderPlan;
  /** Which of the order's receipts shows it. */
  readonly receipt: number;
}

/** Days that the agent looks back; days from -29 to 0 are recent. */
const recentFrom = -29;

/** Changes some recently received orders so that goods and order disagree, and others so that they nearly do. */
export function plantDiscrepancies(
  world: SampleWorld,
  orders: readonly OrderPlan[],
): readonly ReceiptTruth[] {
  const take = takeFrom(world, victimsIn(world, orders));
  const recent = (order: OrderPlan): boolean => (lastReceiptDay(order) ?? -99) >= recentFrom;
  const truths: ReceiptTruth[] = [];
  const plant = (kind: ReceiptTruth['kind'], order: OrderPlan): void => {
    truths.push({ kind, order, receipt: order.receipts.length - 1 });
  };
  for (const order of take(5, (each) => recent(each) && canShrink(each, 0.1))) {
    shrink(order, 0.06 + 0.3 * world.random.next());
    if (world.random.chance(0.5)) order.status = 'open';
    plant('receipt.short', order);
  }
  for (const order of take(4, recent)) {
    grow(world, order, 0.08 + 0.25 * world.random.next());
    plant('receipt.over', order);
  }
  for (const order of take(5, (each) => recent(each) && canShrink(each, 0.1))) {
    reject(order, 0.06 + 0.3 * world.random.next());
    plant('receipt.rejected', order);
  }
  for (const order of take(2, (each) => recent(each) && each.receipts.length === 1)) {
    order.status = world.random.chance(0.7) ? 'cancelled' : 'draft';
    plant('receipt.unordered', order);
  }
  plantLookAlikes(world, { take, recent });
  // A part has come, and the rest is due only today.
  const started = orders.filter((each) => each.status === 'open' && each.expectedDay > 0);
  const partly = takeFrom(world, started.filter(recent));
  for (const order of partly(2, (each) => each.day < -6)) order.expectedDay = 0;
  return truths;
}

/** Orders that are wholly delivered, of vendors who keep another such order in the open month. */
function victimsIn(world: SampleWorld, orders: readonly OrderPlan[]): readonly OrderPlan[] {
  const { openFrom } = windowOf(world);
  const whole = orders.filter(
    (order) => order.status === 'received' && order.expectedDay < 0 && order.receipts.length > 0,
  );
  const seen = new Set<string>();
  return world.random.shuffle(whole).filter((order) => {
    const vendor = order.place.vendor.id;
    const keeps = (lastReceiptDay(order) ?? -99) < openFrom || seen.has(vendor);
    if (!keeps) seen.add(vendor);
    return keeps;
  });
}

/** In order, though each is within a step of a discrepancy. */
function plantLookAlikes(
  world: SampleWorld,
  from: {
    readonly take: Take<OrderPlan>;
    readonly recent: (order: OrderPlan) => boolean;
  },
): void {
  const { random } = world;
  const { take, recent } = from;
  // Within the tolerance of five percent, the bound included.
  for (const order of take(2, (each) => recent(each) && canShrink(each, 0.05, 20))) {
    shrink(order, 0.05, 20);
  }
  for (const order of take(2, (each) => recent(each) && hasLine(each, 20))) {
    const line = order.lines.findIndex((each) => each.quantity >= 20);
    const more = Math.floor((order.lines[line]?.quantity ?? 0) * 0.05);
    change(order, line, random.integer(1, more));
  }
  // Short, but purchasing has closed the order: the rest is not wanted any more.
  for (const order of take(2, (each) => recent(each) && canShrink(each, 0.1))) {
    shrink(order, 0.1 + 0.2 * random.next());
    order.status = 'closed';
  }
  // Rejected, and replaced in full by the next delivery.
  for (const order of take(2, (each) => replaceable(each) >= 0)) {
    const line = replaceable(order);
    const first = order.receipts[0]?.lines[line];
    const last = order.receipts.at(-1)?.lines[line];
    if (!first || !last) continue;
    const bad = random.integer(1, first.accepted);
    first.accepted -= bad;
    first.rejected = bad;
    last.accepted += bad;
  }
  // Dealt with long ago: outside the days that are looked at.
  const old = (order: OrderPlan): boolean => !recent(order) && canShrink(order, 0.1);
  for (const order of take(2, old)) shrink(order, 0.1 + 0.2 * random.next());
  for (const order of take(2, old)) reject(order, 0.1 + 0.2 * random.next());
  for (const order of take(2, old)) grow(world, order, 0.1 + 0.2 * random.next());
}

function hasLine(order: OrderPlan, pieces: number): boolean {
  return order.lines.some((line) => line.quantity >= pieces);
}

/** The line that can lose a share of its pieces from the last receipt and keep at least one there, or -1. */
function lineToShrink(order: OrderPlan, share: number, pieces = 2): number {
  const last = order.receipts.at(-1);
  return order.lines.findIndex(
    (line, index) =>
      line.quantity >= pieces &&
      (last?.lines[index]?.accepted ?? 0) > Math.max(1, Math.ceil(line.quantity * share)),
  );
}

function canShrink(order: OrderPlan, share: number, pieces?: number): boolean {
  return lineToShrink(order, share, pieces) >= 0;
}

/** Takes about a share of a line from the last receipt; at most five percent when `share` is that. */
function shrink(order: OrderPlan, share: number, pieces?: number): void {
  const line = lineToShrink(order, Math.min(share, 0.1), pieces);
  change(order, line, -pieceCount(order, line, share));
}

function reject(order: OrderPlan, share: number): void {
  const line = lineToShrink(order, 0.1);
  const count = pieceCount(order, line, share);
  change(order, line, -count);
  const last = order.receipts.at(-1)?.lines[line];
  if (last) last.rejected = count;
}

function grow(world: SampleWorld, order: OrderPlan, share: number): void {
  const line = world.random.integer(0, order.lines.length - 1);
  change(order, line, Math.ceil((order.lines[line]?.quantity ?? 1) * share));
}

/** Above five percent the count is rounded up and stays clear of the tolerance; at it, it is rounded down. */
function pieceCount(order: OrderPlan, line: number, share: number): number {
  const quantity = order.lines[line]?.quantity ?? 0;
  const there = order.receipts.at(-1)?.lines[line]?.accepted ?? 0;
  const count = share > 0.05 ? Math.ceil(quantity * share) : Math.floor(quantity * share);
  return Math.min(count, there - 1);
}

function change(order: OrderPlan, line: number, pieces: number): void {
  const last = order.receipts.at(-1)?.lines[line];
  if (last) last.accepted += pieces;
}

/** A line of which pieces came in the first of several receipts, or -1. */
function replaceable(order: OrderPlan): number {
  if (order.receipts.length < 2 || (order.receipts[0]?.day ?? -99) < recentFrom) return -1;
  return order.lines.findIndex(
    (line, index) =>
      (order.receipts[0]?.lines[index]?.accepted ?? 0) > 0 &&
      acceptedOf(order, index) === line.quantity,
  );
}
