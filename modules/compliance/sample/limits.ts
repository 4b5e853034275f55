import { Day, type Draft, Money, type SampleWorld } from 'tutti';
import { type Buyer, drawLimit } from './authority.ts';
import { countAt } from './memo.ts';
import type { Authority } from './orders.ts';

/** An approval limit before it is written; days are offsets from the business date. */
interface LimitPlan {
  readonly user: string;
  readonly company: string;
  readonly amount: Money;
  readonly from: number;
  readonly to: number | null;
}

/** Gives every buyer a limit, lets a few lapse before an order, and others so that every order is still covered. */
export function addLimits(world: SampleWorld, authority: Authority): void {
  const { random } = world;
  const orders = Map.groupBy(
    world.all('purchase_order').filter((order) => order.status !== 'cancelled'),
    (order) => order.buyer,
  );
  const plans = new Map<string, readonly LimitPlan[]>(
    authority.buyers.map((buyer) => [buyer.user, [standing(world, buyer)]]),
  );
  const free = random.shuffle(authority.buyers).filter((buyer) => !authority.fixed.has(buyer.user));
  let lapses = countAt(world, 3);
  let lookAlikes = countAt(world, 3);
  for (const buyer of free) {
    const own = orders.get(buyer.user) ?? [];
    const days = own.map((order) => Day.between(world.asOf, order.date)).sort((a, b) => a - b);
    const [before, last] = [days.at(-2), days.at(-1)];
    if (before === undefined || last === undefined) continue;
    if (lapses > 0 && before < last && last >= -80) {
      lapses -= 1;
      plans.set(buyer.user, [{ ...standing(world, buyer), to: random.integer(before, last - 1) }]);
      const late = own.filter((order) => order.date === world.day(last));
      for (const order of late) expectLapse(world, order);
    } else if (lookAlikes > 0) {
      lookAlikes -= 1;
      // Ended on the day of the last order; or replaced by another limit without a gap.
      if (random.chance(0.5)) plans.set(buyer.user, [{ ...standing(world, buyer), to: last }]);
      else plans.set(buyer.user, succession(world, buyer));
    }
  }
  addRows(world, [...[...plans.values()].flat(), ...managers(world, authority)]);
}

function expectLapse(world: SampleWorld, order: Draft<'purchase_order'>): void {
  world.expect({
    agent: 'compliance.policy_exception_review',
    kind: 'order.without_limit',
    company: order.company,
    records: [{ entity: 'purchase_order', id: order.id }],
  });
}

function standing(world: SampleWorld, { user, company, limit }: Buyer): LimitPlan {
  return { user, company, amount: limit, from: -world.random.integer(230, 1500), to: null };
}

function succession(world: SampleWorld, buyer: Buyer): readonly LimitPlan[] {
  const change = -world.random.integer(2, 80);
  const first = standing(world, buyer);
  const amount = drawLimit(world, buyer.limit.currency);
  return [
    { ...first, amount, to: change },
    { ...first, from: change + 1 },
  ];
}

/** Limits of people who order nothing themselves. */
function managers(world: SampleWorld, authority: Authority): readonly LimitPlan[] {
  const { random } = world;
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const currencies = new Map(world.all('company').map(({ code, currency }) => [code, currency]));
  const known = new Set([...authority.buyers.map((buyer) => buyer.user), ...authority.strangers]);
  const people = world
    .all('user')
    .filter((user) => user.status === 'active' && user.employee && !known.has(user.id));
  return random
    .shuffle(people)
    .slice(0, 30 * world.scale)
    .map((user) => {
      const company = companyOf.get(user.group) ?? '';
      const amount = Money.times(drawLimit(world, currencies.get(company) ?? 'EUR'), '4');
      const to = random.chance(0.2) ? -random.integer(1, 200) : null;
      return { user: user.id, company, amount, from: -random.integer(230, 1500), to };
    });
}

function addRows(world: SampleWorld, plans: readonly LimitPlan[]): void {
  for (const [index, plan] of world.random.shuffle(plans).entries()) {
    world.add('approval_limit', {
      number: `AL-${String(index + 1).padStart(5, '0')}`,
      user: plan.user,
      company: plan.company,
      amount: Money.round(plan.amount),
      from: world.day(plan.from),
      to: plan.to === null ? null : world.day(plan.to),
    });
  }
}
