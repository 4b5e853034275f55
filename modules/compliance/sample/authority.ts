import { Day, type Draft, Money, type SampleWorld } from 'tutti';

/** A buyer, what they may order alone, and for which department they order. */
export interface Buyer {
  readonly user: string;
  readonly company: string;
  readonly department: string;
  /** In the company's currency. */
  readonly limit: Money;
}

/** Everybody who has placed an order, each with a limit of the company's ladder. */
export function buyersOf(world: SampleWorld): readonly Buyer[] {
  const currencies = new Map(world.all('company').map(({ code, currency }) => [code, currency]));
  const byBuyer = Map.groupBy(world.all('purchase_order'), (order) => order.buyer);
  return [...byBuyer].flatMap(([user, [order]]) => {
    if (!order) return [];
    const { company, department } = order;
    const currency = currencies.get(company) ?? 'EUR';
    const ladder = ladders[currency] ?? euroLadder;
    return [{ user, company, department, limit: Money.of(world.random.pick(ladder), currency) }];
  });
}

/** People who have ordered nothing, by company, in random order. */
export function strangersOf(
  world: SampleWorld,
  buyers: ReadonlyMap<string, Buyer>,
): ReadonlyMap<string, string[]> {
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const people = world.random
    .shuffle(world.all('user'))
    .filter((user) => user.status === 'active' && user.employee && !buyers.has(user.id));
  const byCompany = Map.groupBy(people, (user) => companyOf.get(user.group) ?? '');
  return new Map([...byCompany].map(([company, own]) => [company, own.map((user) => user.id)]));
}

/** A limit somewhere on a currency's ladder. */
export function drawLimit(world: SampleWorld, currency: string): Money {
  return Money.of(world.random.pick(ladders[currency] ?? euroLadder), currency);
}

// Buyer, senior buyer, category lead; round in each currency, as authority matrices are.
const euroLadder = ['5000.00', '10000.00', '25000.00'];
const ladders: Readonly<Record<string, readonly string[]>> = {
  EUR: euroLadder,
  USD: ['6000.00', '12000.00', '30000.00'],
  GBP: ['4000.00', '8000.00', '20000.00'],
  PLN: ['20000.00', '40000.00', '100000.00'],
};

/** Days on which a buyer has ordered from a vendor, as offsets; who comes too near looks like a split. */
export class OrderDays {
  readonly #days = new Map<string, number[]>();

  constructor(world: SampleWorld) {
    for (const order of world.all('purchase_order')) {
      if (order.status === 'cancelled') continue;
      this.add(order, Day.between(world.asOf, order.date));
    }
  }

  add(order: Pick<Draft<'purchase_order'>, 'buyer' | 'vendor'>, day: number): void {
    const key = `${order.buyer} ${order.vendor}`;
    const days = this.#days.get(key);
    if (days) days.push(day);
    else this.#days.set(key, [day]);
  }

  /** Whether no order of the two lies within five days of `day`, but for those on the days of `own`. */
  isClear(
    order: Pick<Draft<'purchase_order'>, 'buyer' | 'vendor'>,
    day: number,
    own: readonly number[] = [],
  ): boolean {
    const days = this.#days.get(`${order.buyer} ${order.vendor}`) ?? [];
    return days.every((other) => own.includes(other) || Math.abs(other - day) > 5);
  }
}
