import { Day } from 'tutti';

/** Weeks that a night looks back on: the month's payroll pays for at most as many. */
export const weeksBack = 5;

/** Monday to Friday of the week that starts on `monday`. */
export function workdaysOf(monday: string): readonly string[] {
  return [0, 1, 2, 3, 4].map((days) => Day.add(monday, days));
}

/** The Mondays of the last `count` weeks that ended before `today`, earliest first. */
export function completeWeeks(today: string, count: number): readonly string[] {
  const current = Day.monday(today);
  return Array.from({ length: count }, (_, index) => Day.add(current, -7 * (count - index)));
}
