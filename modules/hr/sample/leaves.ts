import { Day, type Draft, type Row, type SampleWorld } from 'tutti';
import { remark } from './remark.ts';
import { placeOf, type Staff } from './staff.ts';

/** A leave in the making; both days are included. */
export interface Absence {
  readonly from: string;
  readonly to: string;
  readonly status: Row<'leave'>['status'];
}

/**
 * The ordinary leaves of one employee over the year; one of them may lie in the last five weeks, but for people about whom
 * there is a fact.
 */
export function drawAbsences(world: SampleWorld, staff: Staff): readonly Absence[] {
  const { random } = world;
  const starting = (from: number, status: Absence['status']): Absence => ({
    from: world.day(from),
    to: world.day(from + random.integer(0, 9)),
    status,
  });
  const absences: Absence[] = [];
  if (random.chance(0.5)) absences.push(starting(-random.integer(70, 200), 'approved'));
  if (random.chance(0.2)) {
    absences.push(starting(random.integer(15, 90), random.pick(['requested', 'approved'])));
  }
  if (staff.fact === null && random.chance(0.3)) {
    absences.push(starting(-random.integer(1, 40), 'approved'));
  } else if (staff.fact === null && random.chance(0.05)) {
    absences.push(starting(-random.integer(5, 40), random.pick(['refused', 'cancelled'])));
  }
  return absences;
}

/** The days of approved leaves. */
export function daysOf(absences: readonly Absence[]): ReadonlySet<string> {
  const days = new Set<string>();
  for (const { from, to } of absences.filter((each) => each.status === 'approved')) {
    for (let day = from; day <= to; day = Day.add(day, 1)) days.add(day);
  }
  return days;
}

/** Adds leaves in mixed order and says which row became of each. */
export function addLeaves(
  world: SampleWorld,
  absences: ReadonlyMap<Absence, Staff>,
): ReadonlyMap<Absence, Draft<'leave'>> {
  const mixed = world.random.shuffle([...absences]);
  return new Map(
    mixed.map(([absence, staff], index) => [
      absence,
      world.add('leave', {
        number: `LV${String(index + 1).padStart(6, '0')}`,
        ...placeOf(staff),
        kind: kindOf(world, absence),
        ...absence,
        note: remark(world, false),
      }),
    ]),
  );
}

function kindOf(world: SampleWorld, { from, to }: Absence): Row<'leave'>['kind'] {
  if (Day.add(from, 7) < to && world.random.chance(0.1)) return 'parental';
  return world.random.chance(0.25) ? 'sick' : 'annual';
}
