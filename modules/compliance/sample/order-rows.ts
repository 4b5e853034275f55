import { Decimal, type Draft, Money, type SampleWorld } from 'tutti';
import { memo } from './memo.ts';

/** An order before it is written, made like another one; `day` is an offset from the business date. */
export interface OrderPlan {
  /** Gives company, vendor and goods. */
  readonly like: Draft<'purchase_order'>;
  readonly buyer: string;
  readonly department: string;
  readonly day: number;
  readonly line: LinePlan;
  readonly isCancelled: boolean;
}

/** A line of an order in the making. */
export interface LinePlan {
  readonly product: string;
  readonly quantity: number;
  readonly price: Money;
}

/** A line with goods of an order, worth about `target` of its currency, and above `over` and at most `upTo`; or null. */
export function lineWorth(
  world: SampleWorld,
  like: Draft<'purchase_order'>,
  worth: { readonly target: number; readonly over?: Money; readonly upTo: Money },
): LinePlan | null {
  for (const { product, price } of world.random.shuffle(like.lines)) {
    const quantity = Math.max(1, Math.round(worth.target / Number(price.amount)));
    const line = { product, quantity, price };
    const total = totalOf(line);
    const fits = !Money.isAbove(total, worth.upTo);
    if (fits && (!worth.over || Money.isAbove(total, worth.over))) return line;
  }
  return null;
}

/** What a line comes to, to the cent. */
export function totalOf(line: LinePlan): Money {
  return Money.round(Money.times(line.price, String(line.quantity)));
}

/** Writes orders of consumables, without receipts, by day; numbers go on where the others end. */
export function addOrderRows(
  world: SampleWorld,
  plans: readonly OrderPlan[],
): ReadonlyMap<OrderPlan, Draft<'purchase_order'>> {
  const numbers = world
    .all('purchase_order')
    .map((order) => Number(/\d+$/.exec(order.number)?.[0]));
  const last = numbers.reduce((highest, number) => Math.max(highest, number), 0);
  const ordered = world.random.shuffle(plans).sort((a, b) => a.day - b.day);
  return new Map(
    ordered.map((plan, index) => [
      plan,
      world.add('purchase_order', {
        number: `PO-${String(last + index + 1).padStart(6, '0')}`,
        company: plan.like.company,
        vendor: plan.like.vendor,
        buyer: plan.buyer,
        department: plan.department,
        date: world.day(plan.day),
        expectedOn: world.day(plan.day + world.random.integer(8, 24)),
        status: statusOf(plan),
        matching: 'two_way',
        memo: memo(world),
        total: totalOf(plan.line),
        lines: [
          {
            id: 'L1',
            product: plan.line.product,
            quantity: Decimal.round(String(plan.line.quantity), 0),
            price: plan.line.price,
            received: '0',
          },
        ],
      }),
    ]),
  );
}

/** Never open: nothing is on its way that would cover a shortage. */
function statusOf({ day, isCancelled }: OrderPlan): 'cancelled' | 'closed' | 'draft' {
  if (isCancelled) return 'cancelled';
  return day < -25 ? 'closed' : 'draft';
}
