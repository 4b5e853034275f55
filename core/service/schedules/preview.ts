import { localMoment } from '../../base/zoned-time.ts';
import type { Calendar } from '../../sdk/calendar/calendar.ts';
import {
  type ExcludedBy,
  knownCalendar,
  logicalMoment,
  nextComing,
  nextOccurrence,
  periodsAt,
} from '../../sdk/calendar/occurrences.ts';
import type { Schedule } from '../../sdk/schedule.ts';

/** A moment at which a schedule will come due, or would. */
export interface OccurrenceView {
  readonly at: Date;
  /** What clocks show then, with their offset. */
  readonly local: string;
  readonly timeZone: string;
  readonly businessDate: string;
  readonly period: string | null;
  /** Why it will not come due; null: it will. */
  readonly excluded: ExcludedBy | null;
}

// More than these say no more: a schedule of each minute leaves out 2,880 on a weekend.
const mostExcluded = 1_000;

/** The next occurrences of a schedule: `count` that come due, and of those between them that do not the first thousand. */
export function preview(
  schedule: Schedule,
  calendars: readonly Calendar[],
  { count, after }: { readonly count: number; readonly after: number },
): readonly OccurrenceView[] {
  const found: OccurrenceView[] = [];
  let [last, coming] = [after, 0];
  while (coming < count) {
    const isLong = found.length - coming >= mostExcluded;
    const next = (isLong ? nextComing : nextOccurrence)(schedule, calendars, last);
    if (next === null) break;
    const { at, timeZone, excluded } = next;
    const { businessDate } = logicalMoment(schedule, calendars, next);
    const { period } = periodsAt(knownCalendar(schedule, calendars), businessDate);
    const local = localMoment(at, timeZone);
    found.push({ at: new Date(at), local, timeZone, businessDate, period, excluded });
    if (excluded === null) coming += 1;
    last = at;
  }
  return found;
}
