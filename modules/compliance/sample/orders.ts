import { Day, type Draft, Money, type SampleWorld } from 'tutti';
import { type Buyer, buyersOf, OrderDays, strangersOf } from './authority.ts';
import { countAt } from './memo.ts';
import { addOrderRows, lineWorth, type OrderPlan, totalOf } from './order-rows.ts';
import { split, type Variation } from './order-variation.ts';

/** What the limits must respect: whose limit is part of a planted fact, and who must have none. */
export interface Authority {
  readonly buyers: readonly Buyer[];
  /** Users whose limit stays as it is. */
  readonly fixed: ReadonlySet<string>;
  /** Users who order without ever having had a limit. */
  readonly strangers: ReadonlySet<string>;
}

type Order = Draft<'purchase_order'>;

/** Adds ordinary orders, orders that split a need, orders of people without a limit, and look-alikes of both. */
export function addOrders(world: SampleWorld): Authority {
  const planner = new Planner(world);
  planner.planOrdinary();
  planner.plantSplits();
  planner.plantLookAlikes();
  planner.plantStrangers();
  const rows = addOrderRows(world, planner.plans);
  for (const { before, added, kind } of planner.truths) {
    const orders = [...before, ...added.flatMap((plan) => rows.get(plan) ?? [])];
    world.expect({
      agent: 'compliance.policy_exception_review',
      kind,
      company: orders[0]?.company ?? '',
      records: orders.map(({ id }) => ({ entity: 'purchase_order', id })),
    });
  }
  const { buyers, fixed, strangers } = planner;
  return { buyers, fixed, strangers };
}

interface OrderTruth {
  readonly kind: 'order.split' | 'order.without_limit';
  /** Orders that were there, by date, then those that were added, by date. */
  readonly before: readonly Order[];
  readonly added: readonly OrderPlan[];
}

class Planner {
  readonly plans: OrderPlan[] = [];
  readonly truths: OrderTruth[] = [];
  readonly buyers: readonly Buyer[];
  readonly fixed = new Set<string>();
  readonly strangers = new Set<string>();
  readonly #world: SampleWorld;
  readonly #days: OrderDays;
  readonly #byUser: ReadonlyMap<string, Buyer>;
  /** Orders of others to plant upon, each used once. */
  readonly #orders: Order[];

  constructor(world: SampleWorld) {
    this.#world = world;
    this.buyers = buyersOf(world);
    this.#byUser = new Map(this.buyers.map((buyer) => [buyer.user, buyer]));
    this.#days = new OrderDays(world);
    this.#orders = world.random
      .shuffle(world.all('purchase_order'))
      .filter((order) => order.status !== 'cancelled');
  }

  planOrdinary(): void {
    const { random } = this.#world;
    for (let left = 70 * this.#world.scale; left > 0; left--) {
      const like = random.pick(this.#orders);
      const buyer = this.#byUser.get(like.buyer);
      const day = random.integer(-170, -1);
      if (!buyer || !this.#days.isClear(like, day)) continue;
      const target = Number(like.total.amount) * (0.3 + random.next());
      const line = lineWorth(this.#world, like, { target, upTo: Money.times(buyer.limit, '3') });
      if (line) this.#add({ like, ...of(buyer), day, line, isCancelled: random.chance(0.03) });
    }
  }

  plantSplits(): void {
    for (let left = countAt(this.#world, 5); left > 0; left--) {
      const pair = this.#pair(split);
      if (pair)
        this.truths.push({ kind: 'order.split', before: [pair.first], added: [pair.second] });
    }
    for (let left = countAt(this.#world, 2); left > 0; left--) {
      // Two of the three stay within the limit.
      const pair = this.#pair({ ...split, first: [0.3, 0.5], gap: [1, 3], sum: 'below' });
      const third = pair && this.#third(pair.first, pair.second);
      if (!third) continue;
      const added = [pair.second, third];
      this.truths.push({ kind: 'order.split', before: [pair.first], added });
    }
  }

  plantLookAlikes(): void {
    for (let left = countAt(this.#world, 2); left > 0; left--) {
      this.#pair({ ...split, first: [0.2, 0.6], sum: 'below' });
      this.#pair({ ...split, first: [0.2, 0.6], sum: 'equal' });
      // A week apart, by two people, cancelled, or before the days that are reviewed.
      this.#pair({ ...split, gap: [6, 7] });
      this.#pair({ ...split, by: 'somebody else' });
      this.#pair({ ...split, isCancelled: true });
      this.#pair({ ...split, days: [-170, -100] });
    }
  }

  plantStrangers(): void {
    const { random } = this.#world;
    const strangers = strangersOf(this.#world, this.#byUser);
    for (let left = countAt(this.#world, 3); left > 0; left--) {
      const like = random.pick(this.#orders);
      const user = strangers.get(like.company)?.pop();
      const target = Number(like.total.amount) * (0.3 + random.next());
      const line = lineWorth(this.#world, like, { target, upTo: Money.times(like.total, '2') });
      if (!user || !line) continue;
      const { department } = like;
      const day = random.integer(-80, -1);
      const plan = { like, buyer: user, department, day, line, isCancelled: false };
      this.#add(plan);
      this.strangers.add(user);
      this.truths.push({ kind: 'order.without_limit', before: [], added: [plan] });
    }
  }

  /** A further order after one of the others' orders, as a variation asks for it. */
  #pair(variation: Variation): { readonly first: Order; readonly second: OrderPlan } | null {
    for (const [index, first] of this.#orders.entries()) {
      const second = this.#second(first, variation);
      if (!second) continue;
      this.#orders.splice(index, 1);
      this.#add(second);
      this.fixed.add(first.buyer).add(second.buyer);
      return { first, second };
    }
    return null;
  }

  #second(first: Order, variation: Variation): OrderPlan | null {
    const { random } = this.#world;
    const owner = this.#byUser.get(first.buyer);
    const firstDay = Day.between(this.#world.asOf, first.date);
    const share = Number(first.total.amount) / Number(owner?.limit.amount ?? 0);
    const buyer = variation.by ? this.#other(first) : owner;
    if (!owner || !buyer) return null;
    if (!isBetween(share, variation.first) || !isBetween(firstDay, variation.days)) return null;
    const day = firstDay + random.integer(...variation.gap);
    const key = { buyer: buyer.user, vendor: first.vendor };
    const own = variation.by ? [] : [firstDay];
    if (!this.#days.isClear(first, firstDay, [firstDay]) || !this.#days.isClear(key, day, own)) {
      return null;
    }
    const line = this.#lineFor(first, buyer, variation.sum);
    const isCancelled = variation.isCancelled ?? false;
    return line && { like: first, ...of(buyer), day, line, isCancelled };
  }

  #lineFor(first: Order, buyer: Buyer, sum: Variation['sum']): OrderPlan['line'] | null {
    const { limit } = buyer;
    const rest = Money.minus(limit, first.total);
    const [line] = first.lines;
    if (!line) return null;
    if (sum === 'equal') return { product: line.product, quantity: 1, price: rest };
    const chance = this.#world.random.next();
    const [room, top] = [Number(rest.amount), Number(limit.amount) * 0.98];
    if (sum === 'below') {
      return lineWorth(this.#world, first, { target: room * (0.3 + 0.6 * chance), upTo: rest });
    }
    const target = room + (top - room) * (0.05 + 0.9 * chance);
    return lineWorth(this.#world, first, { target, over: rest, upTo: limit });
  }

  #third(first: Order, second: OrderPlan): OrderPlan | null {
    const buyer = this.#byUser.get(first.buyer);
    const day = second.day + this.#world.random.integer(1, 3);
    const own = [Day.between(this.#world.asOf, first.date), second.day];
    if (!buyer || !this.#days.isClear(first, day, own)) return null;
    const rest = Money.minus(Money.minus(buyer.limit, first.total), totalOf(second.line));
    const target = (Number(rest.amount) + Number(buyer.limit.amount)) / 2;
    const line = lineWorth(this.#world, first, { target, over: rest, upTo: buyer.limit });
    if (!line) return null;
    const plan = { like: first, ...of(buyer), day, line, isCancelled: false };
    this.#add(plan);
    return plan;
  }

  #other(first: Order): Buyer | undefined {
    const others = this.buyers.filter(
      (buyer) => buyer.company === first.company && buyer.user !== first.buyer,
    );
    return others.length > 0 ? this.#world.random.pick(others) : undefined;
  }

  #add(plan: OrderPlan): void {
    this.plans.push(plan);
    if (!plan.isCancelled)
      this.#days.add({ buyer: plan.buyer, vendor: plan.like.vendor }, plan.day);
  }
}

function of(buyer: Buyer): { readonly buyer: string; readonly department: string } {
  return { buyer: buyer.user, department: buyer.department };
}

function isBetween(value: number, [from, to]: readonly [number, number]): boolean {
  return value >= from && value <= to;
}
