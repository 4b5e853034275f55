import { Day } from '../../base/day.ts';
import { EngineError } from '../../base/errors.ts';
import { instantOf, localDay } from '../../base/zoned-time.ts';
import { addBusinessDays, businessDayFrom } from './business-days.ts';
import type { Calendar } from './calendar.ts';
import { type Span, type SpanKind, spanAt } from './fiscal-periods.ts';

/** A local time of the day that a moment of a calendar names. */
export interface CalendarMoment {
  /** `BD+1`, `BD-2`, `FIRST_WORKING_DAY`, `PERIOD_CLOSE-2BD`, `QUARTER_START+3D` … */
  readonly moment: string;
  /** `HH:MM`, in the calendar's time zone. */
  readonly time: string;
}

/** A day of each period, quarter or year: a base, and so many days (`D`) or business days (`BD`) from there. */
interface ParsedMoment {
  readonly span: SpanKind;
  readonly base: 'start' | 'close' | 'first' | 'last';
  readonly count: number;
  readonly unit: 'D' | 'BD';
}

const bases = {
  FIRST_WORKING_DAY: ['period', 'first'],
  LAST_WORKING_DAY: ['period', 'last'],
  PERIOD_START: ['period', 'start'],
  PERIOD_CLOSE: ['period', 'close'],
  QUARTER_START: ['quarter', 'start'],
  QUARTER_CLOSE: ['quarter', 'close'],
  YEAR_START: ['year', 'start'],
  YEAR_CLOSE: ['year', 'close'],
} as const satisfies Readonly<Record<string, readonly [SpanKind, ParsedMoment['base']]>>;

// Far more than a close takes; more is a slip of the finger.
const longestOffset = 366;

/**
 * When such a moment comes next, strictly after an instant; ms since 1970. Every period, quarter or year has one; a local time
 * that clocks skip is the first moment after the gap, one that they show twice is the first of both.
 * @throws CALENDAR_INVALID for a moment that cannot be read, or that lies behind the last listed period
 */
export function nextMoment(
  calendar: Calendar,
  { moment, time }: CalendarMoment,
  afterMs: number,
): number {
  checkMoment({ moment, time });
  const parsed = parseMoment(moment);
  const instantIn = (span: Span): number =>
    instantOf(dayIn(calendar, parsed, span), time, calendar.timeZone);
  // Moments follow each other as their periods do, so walk to the last one that is not after, and on by one.
  let span = nearestSpan(calendar, parsed.span, localDay(afterMs, calendar.timeZone));
  while (instantIn(span) > afterMs) {
    const earlier = spanAt(calendar, parsed.span, Day.add(span.from, -1));
    if (!earlier) break;
    span = earlier;
  }
  while (instantIn(span) <= afterMs) {
    const later = spanAt(calendar, parsed.span, Day.add(span.to, 1));
    if (!later) throw ended(calendar, moment, span);
    span = later;
  }
  return instantIn(span);
}

/** Refuses what names no moment, before anything waits for it. @throws CALENDAR_INVALID */
export function checkMoment({ moment, time }: CalendarMoment): void {
  parseMoment(moment);
  if (/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return;
  throw invalid(`'${time}' is no time of day; write hours and minutes, for example 06:00.`);
}

/**
 * A moment read: `BD+n` is the nth business day from a period's first day on, `BD-n` the nth last up to its last day, and any
 * other word may have an offset: `PERIOD_CLOSE-2BD`, `PERIOD_START+3D`.
 */
function parseMoment(text: string): ParsedMoment {
  const [, word = '', offset = ''] = /^([A-Z_]*)(.*)$/.exec(text) ?? [];
  const match = /^([+-])(\d{1,3})(BD|D)?$/.exec(offset);
  const [, sign, digits = '0', unit] = match ?? [];
  const count = Number(digits) * (sign === '-' ? -1 : 1);
  const isCount = Math.abs(count) >= 1 && Math.abs(count) <= longestOffset;
  if (word === 'BD') {
    if (!match || unit || !isCount) {
      throw invalid(
        `'${text}' counts no business days; write BD+1 for the first, BD-1 for the last.`,
      );
    }
    return count > 0
      ? { span: 'period', base: 'first', count: count - 1, unit: 'BD' }
      : { span: 'period', base: 'last', count: count + 1, unit: 'BD' };
  }
  if (!Object.hasOwn(bases, word)) {
    throw invalid(
      `'${text}' names no moment of a calendar; begin with BD, ${Object.keys(bases).join(', ')}.`,
    );
  }
  const [span, base] = bases[word as keyof typeof bases];
  if (offset === '') return { span, base, count: 0, unit: 'D' };
  if (match && isCount && unit) return { span, base, count, unit: unit as 'D' | 'BD' };
  throw invalid(
    `'${text}' ends in '${offset}', which is no offset; write days or business days up to ${longestOffset}, for example ${word}+3D or ${word}-2BD.`,
  );
}

function dayIn(calendar: Calendar, { base, count, unit }: ParsedMoment, span: Span): string {
  const day = {
    start: () => span.from,
    close: () => span.to,
    first: () => businessDayFrom(calendar, span.from, 1),
    last: () => businessDayFrom(calendar, span.to, -1),
  }[base]();
  return unit === 'D' ? Day.add(day, count) : addBusinessDays(calendar, day, count);
}

/** The span that holds a day, or the listed one next to it. */
function nearestSpan(calendar: Calendar, kind: SpanKind, day: string): Span {
  const { fiscalYear } = calendar;
  if (fiscalYear.kind !== 'listed') return spanAt(calendar, kind, day) as Span;
  const first = fiscalYear.periods[0] as Span;
  const last = fiscalYear.periods.at(-1) as Span;
  const within = day < first.from ? first.from : day > last.to ? last.to : day;
  return spanAt(calendar, kind, within) as Span;
}

function ended({ name }: Calendar, moment: string, { to }: Span): EngineError {
  return invalid(
    `Calendar '${name}' ends with the period to ${to}, so '${moment}' does not come again; list further periods.`,
  );
}

function invalid(message: string): EngineError {
  return new EngineError('CALENDAR_INVALID', message);
}
