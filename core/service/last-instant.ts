import { instantOf, localDay } from '../base/zoned-time.ts';

const dayMs = 86_400_000;

/** The last moment at or before `now` at which clocks of a zone showed a time, `HH:MM`. */
export function lastInstant(time: string, timeZone: string, now: Date): Date {
  const today = localDay(now.getTime(), timeZone);
  const before = localDay(now.getTime() - dayMs, timeZone);
  const instants = [today, before].map((day) => instantOf(day, time, timeZone));
  return new Date(instants.find((each) => each <= now.getTime()) ?? Math.min(...instants));
}
