/**
 * Calendar days as text, `YYYY-MM-DD`, and periods, `YYYY-MM`: arithmetic without a clock or a time zone, because a run
 * has a business date and a payroll knows no hours of the day.
 */

/** Days since 1970-01-01 in the proleptic Gregorian calendar. @see https://howardhinnant.github.io/date_algorithms.html — days_from_civil */
export function dayNumber(date: string): number {
  const month = Number(date.slice(5, 7));
  const year = Number(date.slice(0, 4)) - (month <= 2 ? 1 : 0);
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const dayOfYear =
    Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + Number(date.slice(8, 10)) - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The day with this number; the inverse of `dayNumber`. @see https://howardhinnant.github.io/date_algorithms.html — civil_from_days */
export function dateOf(number: number): string {
  const shifted = number + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9);
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** The day `days` later; earlier when negative. */
export function addDays(date: string, days: number): string {
  return dateOf(dayNumber(date) + days);
}

/** Days from `from` to `to`; negative when `to` comes first. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

/** Monday = 0 … Sunday = 6. */
export function weekdayOf(date: string): number {
  return (((dayNumber(date) + 3) % 7) + 7) % 7;
}

/** The Monday of the week that holds a day (ISO 8601). */
export function mondayOf(date: string): string {
  return addDays(date, -weekdayOf(date));
}

/** Monday to Friday of the week that starts on `monday`. */
export function workdaysOf(monday: string): readonly string[] {
  return [0, 1, 2, 3, 4].map((days) => addDays(monday, days));
}

/** The Mondays of the last `count` weeks that ended before `today`, earliest first. */
export function completeWeeks(today: string, count: number): readonly string[] {
  const current = mondayOf(today);
  return Array.from({ length: count }, (_, index) => addDays(current, -7 * (count - index)));
}

/** The period that holds a day. */
export function periodOf(date: string): string {
  return date.slice(0, 7);
}

/** The period before. */
export function previousPeriod(period: string): string {
  return periodOf(addDays(firstDayOf(period), -1));
}

/** The first day of a period. */
export function firstDayOf(period: string): string {
  return `${period}-01`;
}

/** The last day of a period. */
export function lastDayOf(period: string): string {
  return addDays(firstDayOf(periodOf(addDays(firstDayOf(period), 31))), -1);
}

/**
 * The Mondays of the weeks that a period's payroll pays for: those whose Sunday lies in the period and before `today`.
 * Every week so belongs to one period only.
 */
export function payrollWeeks(period: string, today: string): readonly string[] {
  return completeWeeks(addDays(lastDayOf(period), 7), 7).filter((monday) => {
    const sunday = addDays(monday, 6);
    return periodOf(sunday) === period && sunday < today;
  });
}
