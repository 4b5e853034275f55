import { Day } from '../../base/day.ts';
import { instantOf } from '../../base/zoned-time.ts';

/**
 * The instants that a span means: an instant is itself, a date is its first moment as `from` and its last as `to`, by the clocks of a
 * zone; ms since 1970, `to` not included.
 */
export function spanOfDays(
  { from, to }: { readonly from: string; readonly to: string },
  timeZone: string,
): { readonly from: number; readonly to: number } {
  const isDay = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text);
  const start = (day: string): number => instantOf(day, '00:00', timeZone);
  return {
    from: isDay(from) ? start(from) : Date.parse(from),
    to: isDay(to) ? start(Day.add(to, 1)) : Date.parse(to),
  };
}
