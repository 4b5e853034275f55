import { Day, type Row, type SampleWorld } from 'tutti';
import { workdaysOf } from '../work-week.ts';
import type { Staff } from './staff.ts';

/** A line of a timesheet in the making, with its length in minutes. */
export interface Work {
  readonly date: string;
  readonly kind: Row<'timesheet'>['lines'][number]['kind'];
  readonly startMinute: number;
  readonly minutes: number;
  readonly approval: string | null;
}

/** What a week is made from. */
export interface WeekPlan {
  readonly staff: Staff;
  /** Its Monday. */
  readonly week: string;
  /** The first day that is not filled in: after the employee left, or in the future. */
  readonly before: string;
  readonly holidays: ReadonlySet<string>;
  /** Days of approved leave. */
  readonly leaveDays: ReadonlySet<string>;
  /** Minutes a day may have without approval. */
  readonly maximum: number;
}

/** An ordinary week: leave and holidays where they fall, else work near the schedule and always below the daily maximum. */
export function workWeek(world: SampleWorld, plan: WeekPlan): Work[] {
  const lines = workdaysOf(plan.week)
    .filter((date) => date < plan.before)
    .flatMap((date) => workDay(world, plan, date));
  const saturday = Day.add(plan.week, 5);
  if (saturday < plan.before && !plan.leaveDays.has(saturday) && world.random.chance(0.05)) {
    const minutes = 15 * world.random.integer(12, 20);
    lines.push({
      date: saturday,
      kind: 'work',
      startMinute: 600,
      minutes,
      approval: approvalNumber(world),
    });
  }
  return lines;
}

/** The number of an approval of extra work. */
export function approvalNumber(world: SampleWorld): string {
  return `OT-${String(world.random.integer(1, 999_999)).padStart(6, '0')}`;
}

/** Minutes of an ordinary day. */
export function dailyMinutes(staff: Staff): number {
  return (staff.weeklyHours / 5) * 60;
}

function workDay(world: SampleWorld, plan: WeekPlan, date: string): readonly Work[] {
  const { staff } = plan;
  const { startMinute } = staff;
  const minutes = dailyMinutes(staff);
  if (plan.holidays.has(date))
    return [{ date, kind: 'holiday', startMinute, minutes, approval: null }];
  if (plan.leaveDays.has(date))
    return [{ date, kind: 'leave', startMinute, minutes, approval: null }];
  if (staff.shift === 'night')
    return [{ date, kind: 'work', startMinute, minutes, approval: null }];
  return dayShift(world, plan, date);
}

function dayShift(world: SampleWorld, plan: WeekPlan, date: string): readonly Work[] {
  const { random } = world;
  const start = plan.staff.startMinute + 15 * random.integer(-2, 2);
  const wanted = dailyMinutes(plan.staff) + 15 * random.integer(-3, 4);
  const minutes = Math.min(wanted, plan.maximum - 15);
  const line = { date, kind: 'work' as const, approval: null };
  if (random.chance(0.6)) return [{ ...line, startMinute: start, minutes }];
  const first = 15 * Math.floor(minutes / 30);
  const lunch = random.pick([30, 45, 60]);
  return [
    { ...line, startMinute: start, minutes: first },
    { ...line, startMinute: start + first + lunch, minutes: minutes - first },
  ];
}
