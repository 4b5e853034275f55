import { Day, Decimal, type Row } from 'tutti';

type Sheet = Row<'timesheet'>;
type Line = Sheet['lines'][number];

/** A day whose work differs from the plan: longer than scheduled or allowed, on a public holiday, or during an approved leave. */
export interface Deviation {
  readonly date: string;
  /** Hours of work. */
  readonly hours: string;
  /** Whether a line of the day names an approval. */
  readonly approved: boolean;
  readonly holiday: boolean;
  /** The approved leave that holds the day. */
  readonly leave: string | null;
}

/** What an employee's days are compared with. */
export interface Plan {
  /** The scheduled ones, or the daily maximum where that is less. */
  readonly dailyHours: string;
  readonly holidays: ReadonlySet<string>;
  /** The employee's approved leaves. */
  readonly leaves: readonly Row<'leave'>[];
}

/** More hours than a day has: nobody can have worked them. */
export const hoursOfDay = '24';

/** The days of a timesheet that differ from the plan, earliest first. */
export function deviationsOf(sheet: Sheet, plan: Plan): readonly Deviation[] {
  return [...workByDay(sheet)]
    .map(([date, lines]) => ({
      date,
      hours: Decimal.sum(lines.map((line) => line.hours)),
      approved: lines.some((line) => line.approval !== null),
      holiday: plan.holidays.has(date),
      leave: plan.leaves.find((leave) => leave.from <= date && date <= leave.to)?.id ?? null,
    }))
    .filter(
      (day) => day.holiday || day.leave !== null || Decimal.isAbove(day.hours, plan.dailyHours),
    )
    .sort((a, b) => (a.date < b.date ? -1 : 1));
}

/**
 * The timesheets of one employee in which a line of work begins before an earlier one has ended. Days of more than 24 hours
 * are left out: they overlap by necessity.
 */
export function overlapping(sheets: readonly Sheet[]): ReadonlySet<string> {
  const spans = sheets
    .flatMap((sheet) =>
      [...workByDay(sheet).values()]
        .filter(isPossible)
        .flatMap((lines) => lines.map((line) => ({ sheet: sheet.id as string, ...spanOf(line) }))),
    )
    .sort((a, b) => a.start - b.start || a.end - b.end);
  const found = new Set<string>();
  let busyUntil = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    if (span.start < busyUntil) found.add(span.sheet);
    busyUntil = Math.max(busyUntil, span.end);
  }
  return found;
}

function workByDay(sheet: Sheet): ReadonlyMap<string, readonly Line[]> {
  return Map.groupBy(
    sheet.lines.filter((line) => line.kind === 'work'),
    (line) => line.date,
  );
}

function isPossible(lines: readonly Line[]): boolean {
  return !Decimal.isAbove(Decimal.sum(lines.map((line) => line.hours)), hoursOfDay);
}

/** Minutes since 1970-01-01 00:00, in the company's own time. */
function spanOf(line: Line): { readonly start: number; readonly end: number } {
  const start = Day.between('1970-01-01', line.date) * 1_440 + line.startMinute;
  return { start, end: start + Math.round(Number(line.hours) * 60) };
}
