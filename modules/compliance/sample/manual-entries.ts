import { Day, type Draft, type SampleWorld } from 'tutti';
import { addEntries, type EntryPlan } from './entry-rows.ts';
import { countAt } from './memo.ts';

/**
 * Closes the periods, adds ordinary manual entries to every journal, and among them entries that bear marks of risk: one
 * mark is in order, two are not.
 */
export function addManualEntries(world: SampleWorld): void {
  const closes = addCloses(world);
  const planner = new Planner(world, closes);
  const plans: EntryPlan[] = [];
  const planted: { readonly kind: string; readonly plan: EntryPlan }[] = [];
  for (const journal of world.all('journal')) {
    for (let left = world.random.integer(6, 10); left > 0; left--) {
      plans.push(planner.plan(journal, []));
    }
  }
  const journals = (): Draft<'journal'> => world.random.pick(world.all('journal'));
  for (const [marks, atScaleOne] of plants) {
    for (let left = countAt(world, atScaleOne); left > 0; left--) {
      const plan = planner.plan(journals(), marks);
      plans.push(plan);
      if (marks.length < 2) continue;
      const kind = marks.includes('after_close') ? 'entry.after_close' : 'entry.unusual';
      planted.push({ kind, plan });
    }
  }
  for (let left = countAt(world, 2); left > 0; left--) plans.push(...planner.newcomer(journals()));
  const rows = addEntries(world, plans);
  for (const { kind, plan } of planted) {
    world.expect({
      agent: 'compliance.je_testing',
      kind,
      company: plan.journal.company,
      records: [{ entity: 'journal_entry', id: rows.get(plan)?.id ?? '' }],
    });
  }
}

type Mark = 'weekend' | 'round' | 'seldom_user' | 'after_close';

const plants: readonly (readonly [marks: readonly Mark[], atScaleOne: number])[] = [
  [['weekend', 'round'], 2],
  [['weekend', 'seldom_user'], 2],
  [['round', 'seldom_user'], 2],
  [['weekend', 'round', 'seldom_user'], 2],
  [['after_close', 'round'], 2],
  [['after_close', 'seldom_user'], 2],
  [['after_close', 'weekend'], 2],
  [['weekend'], 4],
  [['round'], 5],
  [['seldom_user'], 4],
  [['after_close'], 3],
];

/** Every company closes each period on a day of its own in the second week after it. */
function addCloses(world: SampleWorld): readonly Draft<'period_close'>[] {
  const { random } = world;
  return world.all('company').flatMap(({ code }) =>
    [7, 6, 5, 4, 3, 2, 1].flatMap((months) => {
      const next = Day.between(world.asOf, Day.monthStart(world.asOf, 1 - months));
      const day = next + random.integer(6, 9);
      if (day >= 0) return [];
      const closedAt = `${world.day(day)}T${random.integer(15, 18)}:00:00.000Z`;
      const period = Day.monthStart(world.asOf, -months).slice(0, 7);
      return [world.add('period_close', { company: code, period, closedAt })];
    }),
  );
}

/** Plans entries with just the marks that are asked for. Days are offsets from the business date. */
class Planner {
  readonly #world: SampleWorld;
  readonly #closes: readonly Draft<'period_close'>[];
  /** By journal: who posts there all the time, and who of the company never has. */
  readonly #regulars: ReadonlyMap<string, readonly string[]>;
  readonly #strangers: ReadonlyMap<string, string[]>;

  constructor(world: SampleWorld, closes: readonly Draft<'period_close'>[]) {
    this.#world = world;
    this.#closes = closes;
    const manual = world.all('journal_entry').filter((entry) => entry.source === 'manual');
    const recent = manual.filter((entry) => entry.date >= world.day(-170));
    this.#regulars = regularsOf(recent);
    this.#strangers = strangersOf(world, manual);
  }

  plan(journal: Draft<'journal'>, marks: readonly Mark[]): EntryPlan {
    const { day, postedDay } = this.#days(journal, marks);
    return {
      journal,
      day,
      postedDay,
      user: marks.includes('seldom_user') ? this.#stranger(journal) : this.#regular(journal),
      total: this.#total(marks.includes('round')),
    };
  }

  /** Three entries of somebody new there, one of them round: three are no longer few. */
  newcomer(journal: Draft<'journal'>): EntryPlan[] {
    const user = this.#stranger(journal);
    const rounds = this.#world.random.shuffle([['round'], [], []] as const);
    return rounds.map((marks) => ({ ...this.plan(journal, marks), user }));
  }

  #days(
    journal: Draft<'journal'>,
    marks: readonly Mark[],
  ): { readonly day: number; readonly postedDay: number } {
    const { random } = this.#world;
    if (marks.includes('after_close')) return this.#lateDays(journal, marks.includes('weekend'));
    const from = this.#offset(Day.monthStart(this.#world.asOf, -2));
    for (;;) {
      const day = random.integer(marks.length > 0 ? from : -170, -1);
      if (this.#isWeekend(day) === marks.includes('weekend')) return { day, postedDay: day };
    }
  }

  /** A day at the end of one of the two periods before the open one, posted within nine days after its close. */
  #lateDays(
    journal: Draft<'journal'>,
    onWeekend: boolean,
  ): { readonly day: number; readonly postedDay: number } {
    const { random, asOf } = this.#world;
    const closed = this.#closes.filter(
      (close) =>
        close.company === journal.company && `${close.period}-01` >= Day.monthStart(asOf, -2),
    );
    for (;;) {
      const close = random.pick(closed);
      const closedDay = this.#offset(close.closedAt.slice(0, 10));
      const lastDay = this.#offset(Day.monthStart(`${close.period}-01`, 1)) - 1;
      const postedDay = Math.min(0, closedDay + random.integer(1, 9));
      const day = lastDay - random.integer(0, 6);
      if (this.#isWeekend(postedDay) === onWeekend) return { day, postedDay };
    }
  }

  #offset(date: string): number {
    return Day.between(this.#world.asOf, date);
  }

  #isWeekend(day: number): boolean {
    return Day.isWeekend(this.#world.day(day));
  }

  #regular(journal: Draft<'journal'>): string {
    return this.#world.random.pick(this.#regulars.get(journal.id) ?? []);
  }

  /** Nobody is asked twice, so that each stays seldom. */
  #stranger(journal: Draft<'journal'>): string {
    return this.#strangers.get(journal.company)?.pop() ?? '';
  }

  #total(isRound: boolean): string {
    const { random } = this.#world;
    if (isRound) return `${random.integer(2, 24)}000.00`;
    return `${random.integer(80, 24_000)}.${random.integer(10, 99)}`;
  }
}

function regularsOf(
  entries: readonly Draft<'journal_entry'>[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...Map.groupBy(entries, (entry) => entry.journal)].map(([journal, own]) => {
      const users = [...Map.groupBy(own, (entry) => entry.user)];
      return [journal, users.filter(([, posted]) => posted.length >= 3).map(([user]) => user)];
    }),
  );
}

/** People who have posted nothing by hand, by company, in random order. */
function strangersOf(
  world: SampleWorld,
  manual: readonly Draft<'journal_entry'>[],
): ReadonlyMap<string, string[]> {
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const posters = new Set(manual.map((entry) => entry.user));
  const people = world.random
    .shuffle(world.all('user'))
    .filter((user) => user.status === 'active' && user.employee && !posters.has(user.id));
  const byCompany = Map.groupBy(people, (user) => companyOf.get(user.group) ?? '');
  return new Map([...byCompany].map(([company, own]) => [company, own.map((user) => user.id)]));
}
