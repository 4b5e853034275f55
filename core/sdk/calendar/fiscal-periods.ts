import { Day } from '../../base/day.ts';
import { type Calendar, type FiscalYear, twoDigits, weekdayNumber } from './calendar.ts';

/** Days from one to another, both included. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

/** A part of a fiscal year that is closed as one. */
export interface FiscalPeriod extends Span {
  /** `2026-06`: the fiscal year and the period's number in it. */
  readonly code: string;
  readonly year: number;
  /** From 1. */
  readonly number: number;
  /** 1 to 4. */
  readonly quarter: number;
}

/** What a moment of a calendar is counted from. */
export type SpanKind = 'period' | 'quarter' | 'year';

const known = new WeakMap<Calendar, Map<number, readonly FiscalPeriod[]>>();

/** The periods of a fiscal year, in order; none where they are listed and the year is not. */
export function periodsOf(calendar: Calendar, year: number): readonly FiscalPeriod[] {
  const years = known.get(calendar) ?? new Map<number, readonly FiscalPeriod[]>();
  known.set(calendar, years);
  const found = years.get(year);
  if (found) return found;
  const made = spansOf(calendar.fiscalYear, year).map(({ from, to }, index) => ({
    code: `${year}-${twoDigits(index + 1)}`,
    ...{ year, number: index + 1, from, to },
    // A year of thirteen has four in its last quarter.
    quarter: Math.min(4, Math.floor(index / 3) + 1),
  }));
  years.set(year, made);
  return made;
}

/** The period, quarter or fiscal year that a day lies in; null where no listed period holds it. */
export function spanAt(calendar: Calendar, kind: SpanKind, day: string): Span | null {
  const period = periodOf(calendar, day);
  if (!period || kind === 'period') return period;
  const parts = periodsOf(calendar, period.year).filter(
    ({ quarter }) => kind === 'year' || quarter === period.quarter,
  );
  return { from: parts[0]?.from ?? period.from, to: parts.at(-1)?.to ?? period.to };
}

/** The period that a day lies in; null where no listed one holds it. */
export function periodOf(calendar: Calendar, day: string): FiscalPeriod | null {
  const { fiscalYear } = calendar;
  const year = Number(day.slice(0, 4));
  // A listed year may have any number; the others end within a year of their own.
  const years =
    fiscalYear.kind === 'listed'
      ? [...new Set(fiscalYear.periods.map((period) => period.year))]
      : [year - 1, year, year + 1];
  for (const each of years) {
    const found = periodsOf(calendar, each).find(({ from, to }) => from <= day && day <= to);
    if (found) return found;
  }
  return null;
}

function spansOf(fiscalYear: FiscalYear, year: number): readonly Span[] {
  switch (fiscalYear.kind) {
    case 'months':
      return monthsOf(fiscalYear, year);
    case 'weeks':
      return weeksOf(fiscalYear, year);
    case 'listed':
      return fiscalYear.periods.filter((period) => period.year === year);
  }
}

function monthsOf(
  { start, named = 'end' }: Extract<FiscalYear, { kind: 'months' }>,
  year: number,
): readonly Span[] {
  const begins = named === 'start' || start === 1 ? year : year - 1;
  const first = `${begins}-${twoDigits(start)}-01`;
  return Array.from({ length: 12 }, (_, index) => {
    const from = Day.monthStart(first, index);
    return { from, to: Day.monthEnd(from) };
  });
}

function weeksOf(
  { pattern, ends, named = 'end', longPeriod = 12 }: Extract<FiscalYear, { kind: 'weeks' }>,
  year: number,
): readonly Span[] {
  const endsIn = named === 'end' || ends.month === 12 ? year : year + 1;
  const last = yearEnd(ends, endsIn);
  const first = Day.add(yearEnd(ends, endsIn - 1), 1);
  const isLong = Day.between(first, last) + 1 > 52 * 7;
  const weeks = pattern.split('-').map(Number);
  const spans: Span[] = [];
  for (let number = 1, from = first; number <= 12; number += 1) {
    const length = (weeks[(number - 1) % 3] ?? 4) + (isLong && number === longPeriod ? 1 : 0);
    spans.push({ from, to: Day.add(from, 7 * length - 1) });
    from = Day.add(from, 7 * length);
  }
  return spans;
}

function yearEnd(
  { month, weekday, rule }: Extract<FiscalYear, { kind: 'weeks' }>['ends'],
  year: number,
): string {
  const monthEnd = Day.monthEnd(`${year}-${twoDigits(month)}-01`);
  const daysSince = (Day.weekday(monthEnd) - weekdayNumber(weekday) + 7) % 7;
  return Day.add(monthEnd, rule === 'nearest' && daysSince > 3 ? 7 - daysSince : -daysSince);
}
