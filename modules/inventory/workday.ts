import { Day } from 'tutti';

/** The first day after a day that is neither Saturday nor Sunday. */
export function nextWorkday(day: string): string {
  const next = Day.add(day, 1);
  return Day.isWeekend(next) ? nextWorkday(next) : next;
}
