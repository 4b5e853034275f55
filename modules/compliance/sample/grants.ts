import type { Draft, SampleWorld } from 'tutti';
import { countAt, memo } from './memo.ts';
import type { AccessModel } from './roles.ts';

/** A grant before it is written; days are offsets from the business date, `to` null = until further notice. */
interface GrantPlan {
  readonly user: Draft<'user'>;
  readonly role: Draft<'role'>;
  readonly company: string;
  readonly from: number;
  readonly to: number | null;
}

/** Gives every user three to five roles, and some of them what they must not have. */
export function addGrants(world: SampleWorld, model: AccessModel): void {
  const groups = new Map(world.all('user_group').map((group) => [group.id, group]));
  const plans = new Map(
    world.all('user').map((user) => {
      const group = groups.get(user.group) as Draft<'user_group'>;
      return [user, planUser(world, model, { user, group })] as const;
    }),
  );
  const planting = new Planting(world, model, plans);
  planting.plantConflicts();
  planting.plantLookAlikes();
  for (const [index, plan] of world.random.shuffle([...plans.values()].flat()).entries()) {
    world.add('role_grant', {
      number: `RG-${String(index + 1).padStart(6, '0')}`,
      user: plan.user.id,
      role: plan.role.id,
      company: plan.company,
      from: world.day(plan.from),
      to: plan.to === null ? null : world.day(plan.to),
      reason: memo(world),
    });
  }
}

function planUser(
  world: SampleWorld,
  model: AccessModel,
  of: { readonly user: Draft<'user'>; readonly group: Draft<'user_group'> },
): GrantPlan[] {
  const { random } = world;
  const trade = [...model.byTrade].find(([name]) => of.group.name.includes(name));
  const wanted = [...random.shuffle(trade?.[1] ?? []).slice(0, 2), ...random.shuffle(model.roles)];
  const companies = world.all('company').map((company) => company.code);
  const count = random.integer(3, 5);
  const plans: GrantPlan[] = [];
  for (const role of wanted) {
    if (plans.length === count) break;
    const company = random.chance(0.9) ? of.group.company : random.pick(companies);
    const plan = { user: of.user, role, company, ...term(world) };
    if (holds(plans, plan) || brokenBy([...plans, plan], model).length > 0) continue;
    plans.push(plan);
  }
  return plans;
}

/** Most terms run on; some have ended, some end one day, a few have not begun. */
function term(world: SampleWorld): { readonly from: number; readonly to: number | null } {
  const { random } = world;
  const fate = random.next();
  if (fate < 0.03) return { from: random.integer(1, 60), to: null };
  const from = -random.integer(220, 1500);
  if (fate < 0.7) return { from, to: null };
  return { from, to: fate < 0.9 ? -random.integer(1, 200) : random.integer(0, 300) };
}

function holds(plans: readonly GrantPlan[], plan: GrantPlan): boolean {
  return plans.some((each) => each.role === plan.role && each.company === plan.company);
}

interface Broken {
  readonly rule: Draft<'duty_rule'>;
  readonly company: string;
}

/** The rules that grants of one user break today, one row for each rule and company. */
function brokenBy(plans: readonly GrantPlan[], model: AccessModel): readonly Broken[] {
  const today = plans.filter((plan) => plan.from <= 0 && (plan.to === null || plan.to >= 0));
  return [...Map.groupBy(today, (plan) => plan.company)].flatMap(([company, own]) => {
    const duties = dutiesOf(own.map((plan) => plan.role));
    return model.rules
      .filter((rule) => duties.has(rule.first) && duties.has(rule.second))
      .map((rule) => ({ rule, company }));
  });
}

function dutiesOf(roles: readonly Draft<'role'>[]): ReadonlySet<string> {
  return new Set(roles.flatMap((role) => role.duties.map((each) => each.duty)));
}

/** Puts pairs of grants in the place of two ordinary ones of a user, once for each user. */
class Planting {
  readonly #world: SampleWorld;
  readonly #model: AccessModel;
  readonly #plans: Map<Draft<'user'>, readonly GrantPlan[]>;
  readonly #active: Draft<'user'>[];
  readonly #locked: Draft<'user'>[];

  constructor(
    world: SampleWorld,
    model: AccessModel,
    plans: Map<Draft<'user'>, readonly GrantPlan[]>,
  ) {
    this.#world = world;
    this.#model = model;
    this.#plans = plans;
    const users = world.random.shuffle(world.all('user'));
    this.#active = users.filter((user) => user.status === 'active');
    this.#locked = users.filter((user) => user.status === 'locked');
  }

  plantConflicts(): void {
    for (let left = countAt(this.#world, 9); left > 0; left--) {
      // Valid to this very day is still valid.
      const to = this.#world.random.chance(0.3) ? 0 : null;
      const planted = this.#plant({ change: (plan) => ({ ...plan, to }), breaks: 1 });
      for (const { user, rule, company } of planted) {
        this.#world.expect({
          agent: 'compliance.sod_conflict_scan',
          kind: 'duty.conflict',
          company,
          records: [
            { entity: 'user', id: user.id },
            { entity: 'duty_rule', id: rule.id },
          ],
        });
      }
    }
  }

  /** In order, though each user has had both duties of a rule somehow. */
  plantLookAlikes(): void {
    const { random } = this.#world;
    const companies = this.#world.all('company').map((company) => company.code);
    const elsewhere = (plan: GrantPlan): GrantPlan => ({
      ...plan,
      company: random.pick(companies.filter((company) => company !== plan.company)),
    });
    for (let left = countAt(this.#world, 4); left > 0; left--) {
      this.#plant({ change: (plan) => ({ ...plan, to: -1 }), breaks: 0 });
      this.#plant({ change: (plan) => ({ ...plan, from: 1 }), breaks: 0 });
      this.#plant({ change: elsewhere, breaks: 0 });
      this.#plant({ rule: this.#model.retired, breaks: 0 });
      if (this.#locked.length > 0) this.#plant({ users: this.#locked, breaks: 1 });
    }
  }

  /** Gives a pair of grants that meets a rule to the first user who then breaks just as many rules. */
  #plant(options: {
    readonly breaks: 0 | 1;
    readonly change?: (plan: GrantPlan) => GrantPlan;
    readonly rule?: Draft<'duty_rule'>;
    readonly users?: Draft<'user'>[];
  }): readonly (Broken & { readonly user: Draft<'user'> })[] {
    const { random } = this.#world;
    const { breaks, change = (plan) => plan, users = this.#active } = options;
    const rule = options.rule ?? random.pick(this.#model.rules);
    const roles = random.shuffle([this.#roleWith(rule.first), this.#roleWith(rule.second)]);
    for (const [index, user] of users.entries()) {
      const [first, second, ...kept] = this.#plans.get(user) ?? [];
      if (!first || !second) continue;
      const pair = roles.map((role, place) => {
        const plan = { user, role, company: first.company, from: first.from, to: null };
        return place === 0 ? plan : change({ ...plan, from: second.from });
      });
      if (first.from > 0 || second.from > 0 || pair.some((plan) => holds(kept, plan))) continue;
      const broken = brokenBy([...kept, ...pair], this.#model);
      if (broken.length !== breaks) continue;
      users.splice(index, 1);
      this.#plans.set(user, [...kept, ...pair]);
      return broken.map((each) => ({ ...each, user }));
    }
    return [];
  }

  #roleWith(duty: string): Draft<'role'> {
    const fitting = this.#model.roles.filter((role) => dutiesOf([role]).has(duty));
    return this.#world.random.pick(fitting);
  }
}
