import { Day } from '../../base/day.ts';
import { type Calendar, type Holiday, twoDigits, weekdayNumber } from './calendar.ts';

const known = new WeakMap<Calendar, Map<number, ReadonlySet<string>>>();

/** The days of a calendar year on which nobody works besides weekends; those that come from years beside it included. */
export function holidaysOf(calendar: Calendar, year: number): ReadonlySet<string> {
  const years = known.get(calendar) ?? new Map<number, ReadonlySet<string>>();
  known.set(calendar, years);
  const found = years.get(year);
  if (found) return found;
  // New Year's Day on a Saturday is observed on 31 December.
  const made = new Set([year - 1, year, year + 1].flatMap((each) => daysBy(calendar, each)));
  years.set(year, made);
  return made;
}

/** Whether a day is a weekend in a calendar. */
export function isWeekend({ weekend }: Calendar, day: string): boolean {
  const number = Day.weekday(day);
  return weekend.some((name) => weekdayNumber(name) === number);
}

/** What the rules bring in a year: first the days that stay where they are, so that none is moved onto another. */
function daysBy(calendar: Calendar, year: number): readonly string[] {
  const fixed = new Set<string>();
  const moved: { readonly day: string; readonly to: 'nearest' | 'next' }[] = [];
  for (const rule of calendar.holidays) {
    const day = dayOf(rule, year);
    if (day === null) continue;
    const to = rule.kind === 'yearly' ? rule.observed : undefined;
    if (to && isWeekend(calendar, day)) moved.push({ day, to });
    else fixed.add(day);
  }
  for (const { day, to } of moved) fixed.add(observedDay(calendar, { day, to, taken: fixed }));
  return [...fixed];
}

function observedDay(
  calendar: Calendar,
  {
    day,
    to,
    taken,
  }: {
    readonly day: string;
    readonly to: 'nearest' | 'next';
    readonly taken: ReadonlySet<string>;
  },
): string {
  const before = Day.add(day, -1);
  if (to === 'nearest' && !isWeekend(calendar, before)) return before;
  let after = Day.add(day, 1);
  while (isWeekend(calendar, after) || taken.has(after)) after = Day.add(after, 1);
  return after;
}

function dayOf(rule: Holiday, year: number): string | null {
  if (rule.kind === 'once') return rule.date.startsWith(`${year}-`) ? rule.date : null;
  if (year < (rule.since ?? year) || year > (rule.until ?? year)) return null;
  if (rule.kind === 'easter') return Day.add(easterSunday(year), rule.days);
  const first = `${year}-${twoDigits(rule.month)}-01`;
  if (rule.kind === 'yearly') {
    const day = `${first.slice(0, 8)}${twoDigits(rule.day)}`;
    return day <= Day.monthEnd(first) ? day : null;
  }
  return nthWeekday(first, weekdayNumber(rule.weekday), rule.nth);
}

/** The nth such weekday of the month that begins on `first`; null where the month has too few. */
function nthWeekday(first: string, weekday: number, nth: number): string | null {
  const last = Day.monthEnd(first);
  if (nth === -1) return Day.add(last, -((Day.weekday(last) - weekday + 7) % 7));
  const day = Day.add(first, ((weekday - Day.weekday(first) + 7) % 7) + 7 * (nth - 1));
  return day <= last ? day : null;
}

/**
 * Easter Sunday of the Gregorian calendar, by the "Anonymous Gregorian" computus (J. Meeus, Astronomical Algorithms, 2nd ed.,
 * ch. 8, p. 67).
 */
function easterSunday(year: number): string {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const sum = h + l - 7 * m + 114;
  return `${year}-${twoDigits(Math.floor(sum / 31))}-${twoDigits((sum % 31) + 1)}`;
}
