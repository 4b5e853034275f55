import type { SampleWorld } from 'tutti';
import type { LevelPlan } from './stock-plan.ts';
import type { Take } from './victims.ts';

/** What cycle_count_planner must report of a level. */
export interface CountTruth {
  readonly kind: 'count.overdue' | 'count.never_counted';
  readonly level: LevelPlan;
}

/** Levels that somebody has planned to count, and levels whose plan was cancelled. */
export interface CountPlans {
  readonly planned: readonly LevelPlan[];
  readonly cancelled: readonly LevelPlan[];
}

/** Lets some levels go uncounted for too long, and others in ways that are in order. */
export function plantCountDates(
  world: SampleWorld,
  take: Take<LevelPlan>,
): { readonly truths: readonly CountTruth[]; readonly plans: CountPlans } {
  const { random } = world;
  const important = (level: LevelPlan): boolean => level.product.abc === 'A' && level.onHand > 0;
  const filled = (level: LevelPlan): boolean => level.onHand > 0;
  const overdue = take(9, important);
  for (const level of overdue) level.countedDay = -random.integer(31, 120);
  const cancelled = take(2, important);
  for (const level of cancelled) level.countedDay = -random.integer(31, 120);
  const never = take(4, filled);
  for (const level of never) level.countedDay = null;
  // In order: a count is planned, there is nothing to count, or the last day has just come.
  const planned = [...take(3, important), ...take(2, important)];
  for (const [index, level] of planned.entries()) {
    level.countedDay = index % 3 === 2 ? null : -random.integer(31, 120);
  }
  for (const level of take(3, (each) => each.product.abc === 'A' && each.onHand === 0)) {
    level.countedDay = random.chance(0.5) ? null : -random.integer(31, 120);
  }
  for (const level of take(3, important)) level.countedDay = -30;
  return {
    truths: [
      ...[...overdue, ...cancelled].map((level) => ({ kind: 'count.overdue' as const, level })),
      ...never.map((level) => ({ kind: 'count.never_counted' as const, level })),
    ],
    plans: { planned, cancelled },
  };
}

/** Writes the counts of each warehouse: some that were done, one that is planned, and those that were cancelled. */
export function addCounts(
  world: SampleWorld,
  levels: readonly LevelPlan[],
  plans: CountPlans,
): void {
  const { random } = world;
  const counts: {
    day: number;
    status: 'planned' | 'counting' | 'done' | 'cancelled';
    levels: readonly LevelPlan[];
  }[] = [];
  for (const own of Map.groupBy(levels, (level) => level.place.warehouse.id).values()) {
    const counted = own.filter((level) => level.listed && level.onHand > 0 && level.countedDay);
    for (let done = 0; done < 3 && counted.length > 0; done++) {
      const { countedDay } = random.pick(counted);
      const day = countedDay ?? 0;
      counts.push({
        day,
        status: 'done',
        levels: counted.filter((each) => each.countedDay === day),
      });
    }
    const here = (each: LevelPlan): boolean => own.includes(each);
    const fresh = counted.filter((level) => (level.countedDay ?? -99) >= -20).slice(0, 3);
    const day = random.integer(1, 5);
    const status = random.pick(['planned', 'planned', 'counting'] as const);
    counts.push({ day, status, levels: [...fresh, ...plans.planned.filter(here)] });
    const dropped = plans.cancelled.filter(here);
    if (dropped.length > 0) counts.push({ day: -2, status: 'cancelled', levels: dropped });
  }
  counts.sort((a, b) => a.day - b.day);
  for (const [index, count] of counts.entries()) {
    const place = count.levels[0]?.place;
    if (!place) continue;
    world.add('stock_count', {
      number: `SC-${String(index + 1).padStart(5, '0')}`,
      company: place.company.code,
      warehouse: place.warehouse.id,
      plannedOn: world.day(count.day),
      status: count.status,
      lines: random.shuffle(count.levels).map((level) => ({
        product: level.product.id,
        expected: String(level.onHand),
        counted: count.status === 'done' ? String(level.onHand) : null,
      })),
    });
  }
}
