import { Day } from 'tutti';
import { completeWeeks } from './work-week.ts';

/** The payroll's month that holds a day, as `YYYY-MM`. */
export function periodOf(day: string): string {
  return day.slice(0, 7);
}

/** The period before. */
export function previousPeriod(period: string): string {
  return periodOf(Day.monthStart(firstDayOf(period), -1));
}

/** The first day of a period. */
export function firstDayOf(period: string): string {
  return `${period}-01`;
}

/** The last day of a period. */
export function lastDayOf(period: string): string {
  return Day.monthEnd(firstDayOf(period));
}

/**
 * The Mondays of the weeks that a period's payroll pays for: those whose Sunday lies in the period and before `today`.
 * Every week so belongs to one period only.
 */
export function payrollWeeks(period: string, today: string): readonly string[] {
  return completeWeeks(Day.add(lastDayOf(period), 7), 7).filter((monday) => {
    const sunday = Day.add(monday, 6);
    return periodOf(sunday) === period && sunday < today;
  });
}
