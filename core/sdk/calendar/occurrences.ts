import { Day } from '../../base/day.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { instantOf, localDay } from '../../base/zoned-time.ts';
import { isCron, type Schedule, type Timing } from '../schedule.ts';
import { addBusinessDays } from './business-days.ts';
import { type Calendar, calendarFor } from './calendar.ts';
import { nextMoment } from './calendar-moment.ts';
import { nextCron } from './cron.ts';
import { periodOf } from './fiscal-periods.ts';
import { holidaysOf, isWeekend } from './holidays.ts';

// Of a schedule whose days are all excluded, somebody would wait in vain.
const mostExcludedDays = 1_000;

/** Why a schedule does not come due on a day. */
export type ExcludedBy = 'date' | 'weekend' | 'holiday';

/** A moment at which a schedule comes due, or would without its exclusions. */
export interface Occurrence {
  /** ms since 1970. */
  readonly at: number;
  /** Of the timing that names it. */
  readonly timeZone: string;
  readonly excluded: ExcludedBy | null;
}

/** What a slot means, whenever it runs. */
export interface LogicalMoment {
  /** `YYYY-MM-DD` */
  readonly businessDate: string;
  /** Codes of fiscal periods; null where no calendar has one. */
  readonly period: string | null;
  readonly previousPeriod: string | null;
  /** ms since 1970; null: its night has no end. */
  readonly deadlineAt: number | null;
}

/** The occurrence that comes next, strictly after an instant, excluded or not; null when none comes any more. */
export function nextOccurrence(
  schedule: Schedule,
  calendars: readonly Calendar[],
  afterMs: number,
): Occurrence | null {
  const { startAt, endAt } = schedule;
  const from = startAt === null ? afterMs : Math.max(afterMs, Date.parse(startAt) - 1);
  let first: Occurrence | null = null;
  for (const timing of schedule.when) {
    const found = nextOf(schedule, calendars, { timing, after: from });
    if (found && (first === null || found.at < first.at)) first = { ...found, excluded: null };
  }
  if (first === null || (endAt !== null && first.at >= Date.parse(endAt))) return null;
  return { ...first, excluded: excludedBy(schedule, calendars, first) };
}

/** The occurrence that comes next and is not excluded, whatever is left out before it; null when none comes any more. */
export function nextComing(
  schedule: Schedule,
  calendars: readonly Calendar[],
  afterMs: number,
): Occurrence | null {
  let first: Occurrence | null = null;
  for (const timing of schedule.when) {
    const found = nextUnexcluded({ ...schedule, when: [timing] }, calendars, afterMs);
    if (found && (first === null || found.at < first.at)) first = found;
  }
  return first;
}

/** Of a schedule with one time: a day that is left out is left out whole. */
function nextUnexcluded(
  schedule: Schedule,
  calendars: readonly Calendar[],
  afterMs: number,
): Occurrence | null {
  let last = afterMs;
  for (let days = 0; days < mostExcludedDays; days += 1) {
    const next = nextOccurrence(schedule, calendars, last);
    if (next === null || next.excluded === null) return next;
    const { at, timeZone } = next;
    last = Math.max(at, instantOf(Day.add(localDay(at, timeZone), 1), '00:00', timeZone) - 1);
  }
  return null;
}

/** The occurrences after one instant and at most at another, in order; at most `limit` of them. */
export function* occurrences(
  schedule: Schedule,
  calendars: readonly Calendar[],
  {
    after,
    until,
    limit,
  }: { readonly after: number; readonly until: number; readonly limit: number },
): Generator<Occurrence> {
  let last = after;
  for (let count = 0; count < limit; count += 1) {
    const next = nextOccurrence(schedule, calendars, last);
    if (next === null || next.at > until) return;
    yield next;
    last = next.at;
  }
}

/** When a slot is to start: its own moment, and its share of the jitter. */
export function dueAt(
  { name, jitterMs }: Pick<Schedule, 'name' | 'jitterMs'>,
  tenantId: number,
  at: number,
): number {
  if (jitterMs === 0) return at;
  return at + (digest(tenantId, name, at).readUIntBE(0, 6) % (jitterMs + 1));
}

/** What a slot means. */
export function logicalMoment(
  schedule: Schedule,
  calendars: readonly Calendar[],
  { at, timeZone }: Pick<Occurrence, 'at' | 'timeZone'>,
): LogicalMoment {
  const calendar = knownCalendar(schedule, calendars);
  const day = localDay(at, timeZone);
  const businessDate = {
    day: () => day,
    previous_day: () => Day.add(day, -1),
    previous_business_day: () => addBusinessDays(calendarOf(schedule, calendars), day, -1),
  }[schedule.businessDate]();
  return {
    businessDate,
    ...periodsAt(calendar, businessDate),
    deadlineAt: schedule.window && deadlineAfter(at, schedule.window.deadline, timeZone),
  };
}

/** The fiscal period that a date lies in, and the one before. */
export function periodsAt(
  calendar: Calendar | null,
  date: string,
): Pick<LogicalMoment, 'period' | 'previousPeriod'> {
  const period = calendar && periodOf(calendar, date);
  const previous = calendar && period && periodOf(calendar, Day.add(period.from, -1));
  return { period: period?.code ?? null, previousPeriod: previous?.code ?? null };
}

/** The zone of a schedule's first time. @throws CALENDAR_INVALID */
export function zoneOf(schedule: Schedule, calendars: readonly Calendar[]): string {
  const [first] = schedule.when;
  if (first && isCron(first)) return first.timeZone;
  return calendarOf(schedule, calendars, first?.calendar).timeZone;
}

/** The calendar of a schedule, or the one that is named. @throws CALENDAR_INVALID when there is none */
export function calendarOf(
  { calendar, company }: Pick<Schedule, 'calendar' | 'company'>,
  calendars: readonly Calendar[],
  name: string | null | undefined = calendar,
): Calendar {
  const wanted = name ?? calendar;
  if (wanted === null) return calendarFor(calendars, company);
  const found = calendars.find((each) => each.name === wanted);
  if (found) return found;
  throw new EngineError(
    'CALENDAR_INVALID',
    `There is no calendar '${wanted}'; list it in \`calendars\` of tutti.config.ts.`,
  );
}

/** The same; null where there is none. */
export function knownCalendar(
  schedule: Pick<Schedule, 'calendar' | 'company'>,
  calendars: readonly Calendar[],
): Calendar | null {
  return unlessNoCalendar(() => calendarOf(schedule, calendars));
}

function nextOf(
  schedule: Schedule,
  calendars: readonly Calendar[],
  { timing, after }: { readonly timing: Timing; readonly after: number },
): Pick<Occurrence, 'at' | 'timeZone'> | null {
  if (isCron(timing)) {
    const at = nextCron(timing, after);
    return at === null ? null : { at, timeZone: timing.timeZone };
  }
  const calendar = calendarOf(schedule, calendars, timing.calendar);
  // Behind the last of listed periods nothing comes any more.
  const at = unlessNoCalendar(() => nextMoment(calendar, timing, after));
  return at === null ? null : { at, timeZone: calendar.timeZone };
}

function unlessNoCalendar<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isEngineError(error) && error.code === 'CALENDAR_INVALID') return null;
    throw error;
  }
}

function excludedBy(
  schedule: Schedule,
  calendars: readonly Calendar[],
  { at, timeZone }: Occurrence,
): ExcludedBy | null {
  const { exclude } = schedule;
  if (exclude.length === 0) return null;
  const day = localDay(at, timeZone);
  if (exclude.includes(day)) return 'date';
  const calendar = knownCalendar(schedule, calendars);
  if (calendar === null) return null;
  if (exclude.includes('holidays') && holidaysOf(calendar, Number(day.slice(0, 4))).has(day))
    return 'holiday';
  return exclude.includes('weekends') && isWeekend(calendar, day) ? 'weekend' : null;
}

/** The first time that clocks show `deadline` after a slot. */
function deadlineAfter(at: number, deadline: string, timeZone: string): number {
  const day = localDay(at, timeZone);
  const today = instantOf(day, deadline, timeZone);
  return today > at ? today : instantOf(Day.add(day, 1), deadline, timeZone);
}
