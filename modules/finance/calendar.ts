/**
 * Days since 1 March of the year 0 in the proleptic Gregorian calendar, for `YYYY-MM-DD`: differences and weekdays
 * follow from it. Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
export function dayNumber(date: string): number {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear
  );
}

/** Whole days from one date to another; negative when `to` is earlier. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

/** 0 is Monday, 6 is Sunday. 1 March of the year 0, which is day 0 here, was a Wednesday. */
export function weekday(date: string): number {
  return (((dayNumber(date) + 2) % 7) + 7) % 7;
}

/** The first day of a date's month: where the open period of a business date begins. */
export function monthStart(date: string): string {
  return `${date.slice(0, 7)}-01`;
}

/** The first day of the month before a date's month. */
export function previousMonthStart(date: string): string {
  const [year = 0, month = 1] = date.split('-').map(Number);
  return month === 1
    ? `${String(year - 1).padStart(4, '0')}-12-01`
    : `${date.slice(0, 5)}${String(month - 1).padStart(2, '0')}-01`;
}
