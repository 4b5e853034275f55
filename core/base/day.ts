import { localDay } from './zoned-time.ts';

const dayMs = 86_400_000;

/**
 * Calendar days as text, `YYYY-MM-DD`: arithmetic in the proleptic Gregorian calendar, without a clock, and but for `at` without a
 * time zone. A run has a business date; modules count from that.
 */
export const Day = {
  /** `days` later; earlier when negative. */
  add: (day: string, days: number): string => textOf(numberOf(day) + days),
  /** Whole days from one day to another; negative when `to` is earlier. */
  between: (from: string, to: string): number => numberOf(to) - numberOf(from),
  /** 1 is Monday, 7 is Sunday (ISO 8601). */
  weekday: (day: string): number => ((((numberOf(day) + 3) % 7) + 7) % 7) + 1,
  isWeekend: (day: string): boolean => Day.weekday(day) > 5,
  /** The Monday of its week (ISO 8601). */
  monday: (day: string): string => Day.add(day, 1 - Day.weekday(day)),
  /** The first day of the month that lies `months` after the day's own; before it when negative. */
  monthStart: (day: string, months = 0): string => {
    const [year = 0, month = 1] = day.split('-').map(Number);
    return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
  },
  /** The last day of the day's month. */
  monthEnd: (day: string): string => Day.add(Day.monthStart(day, 1), -1),
  /** The day that calendars in a time zone (`Europe/Berlin`) show at a moment (`2026-06-30T22:15:00Z`). */
  at: (moment: string, timeZone: string): string => localDay(Date.parse(moment), timeZone),
} as const;

// Days since 1970-01-01.
function numberOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / dayMs;
}

function textOf(number: number): string {
  return new Date(number * dayMs).toISOString().slice(0, 10);
}
