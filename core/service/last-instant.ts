import { Day } from '../base/day.ts';
import { instantOf, localDay } from '../base/zoned-time.ts';

/** The last moment at or before `now` at which clocks of a zone showed a time, `HH:MM`. */
export function lastInstant(time: string, timeZone: string, now: Date): Date {
  const today = localDay(now.getTime(), timeZone);
  // Not what day it was 24 hours ago: days of 23 hours are jumped over by that.
  const before = Day.add(today, -1);
  const instants = [today, before].map((day) => instantOf(day, time, timeZone));
  return new Date(instants.find((each) => each <= now.getTime()) ?? Math.min(...instants));
}
