import { Day } from '../../base/day.ts';
import { EngineError } from '../../base/errors.ts';
import type { Calendar } from './calendar.ts';
import { holidaysOf, isWeekend } from './holidays.ts';

// Longer than any closure: a calendar that has no business day in it has listed its days wrongly.
const longestClosureDays = 400;

/** Whether a company works on a day. */
function isBusinessDay(calendar: Calendar, day: string): boolean {
  return !isWeekend(calendar, day) && !holidaysOf(calendar, Number(day.slice(0, 4))).has(day);
}

/**
 * The business day that lies `count` of them after a day, or before it when negative; 0 is the day itself, whatever it is. From
 * a day that is none, 1 is the next business day and -1 the one before. @throws CALENDAR_INVALID where 400 days hold none
 */
export function addBusinessDays(calendar: Calendar, day: string, count: number): string {
  const step = count < 0 ? -1 : 1;
  let reached = day;
  for (let left = Math.abs(count); left > 0; left -= 1) {
    reached = businessDayFrom(calendar, Day.add(reached, step), step);
  }
  return reached;
}

/** The first business day from a day on, itself included: onwards by 1, backwards by -1. @throws CALENDAR_INVALID where 400 days hold none */
export function businessDayFrom(calendar: Calendar, day: string, step: 1 | -1): string {
  for (let days = 0; days < longestClosureDays; days += 1) {
    const each = Day.add(day, days * step);
    if (isBusinessDay(calendar, each)) return each;
  }
  throw new EngineError(
    'CALENDAR_INVALID',
    `Calendar '${calendar.name}' has no business day within ${longestClosureDays} days of ${day}; look at its holidays.`,
  );
}
