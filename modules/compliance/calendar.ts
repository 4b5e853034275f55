/**
 * Calendar days as text, `YYYY-MM-DD`: arithmetic without a clock or a time zone, because a run has a business date.
 */

/** Days since 1970-01-01. @see https://howardhinnant.github.io/date_algorithms.html — days_from_civil */
function dayNumber(date: string): number {
  const [civilYear = 0, month = 1, day = 1] = date.split('-').map(Number);
  // The year begins in March, so that a leap day is its last.
  const year = month <= 2 ? civilYear - 1 : civilYear;
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/** Days from `from` to `to`; negative when `to` comes first. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

/** The day `days` earlier. @see https://howardhinnant.github.io/date_algorithms.html — civil_from_days */
export function daysBefore(date: string, days: number): string {
  const shifted = dayNumber(date) - days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const corrected =
    dayOfEra -
    Math.floor(dayOfEra / 1_460) +
    Math.floor(dayOfEra / 36_524) -
    Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(corrected / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** Whether a day is a Saturday or a Sunday; 1970-01-01 was a Thursday. */
export function isWeekend(date: string): boolean {
  return (((dayNumber(date) + 3) % 7) + 7) % 7 >= 5;
}

/** Whether a term holds on a day; both ends are included, no `to` = for good. */
export function isInForce(
  term: { readonly from: string; readonly to: string | null },
  on: string,
): boolean {
  return term.from <= on && (term.to === null || term.to >= on);
}

/** The first day of the month that lies `months` before a day's month. */
export function monthStart(date: string, months: number): string {
  const index = Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1 - months;
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}-01`;
}
