import { localDay } from './zoned-time.ts';

const dayMs = 86_400_000;
/** Days that are remembered: five years and more, 0.2 MB. */
const mostKnown = 2_000;

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
    return textOf(Date.UTC(year, month - 1 + months, 1) / dayMs);
  },
  /** The last day of the day's month. */
  monthEnd: (day: string): string => Day.add(Day.monthStart(day, 1), -1),
  /** The day that calendars in a time zone (`Europe/Berlin`) show at a moment (`2026-06-30T22:15:00Z`). */
  at: (moment: string, timeZone: string): string => localDay(Date.parse(moment), timeZone),
} as const;

// Who counts days comes back to the same few hundred, and to read or write one takes ten times as long as to remember it.
const numbers = new Map<string, number>();
const texts = new Map<number, string>();

// Days since 1970-01-01.
function numberOf(day: string): number {
  return numbers.get(day) ?? remember(numbers, day, Date.parse(`${day}T00:00:00Z`) / dayMs);
}

function textOf(number: number): string {
  const known = texts.get(number);
  return known ?? remember(texts, number, new Date(number * dayMs).toISOString().slice(0, 10));
}

/** Returns the value; that a text is no day is forgotten, however long it is. */
function remember<K, V>(known: Map<K, V>, key: K, value: V): V {
  if (Number.isNaN(value)) return value;
  if (known.size >= mostKnown) known.clear();
  known.set(key, value);
  return value;
}
