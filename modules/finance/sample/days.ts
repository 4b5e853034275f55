import type { SampleWorld } from 'tutti';
import { daysBetween, weekday } from '../calendar.ts';

/** Offsets from the business date: of the first day of six closed months, and of the open month. */
export interface Period {
  readonly from: number;
  readonly openFrom: number;
}

/** The months that the sample's documents lie in: six closed ones and the open one. */
export function periodOf(world: SampleWorld): Period {
  const openFrom = 1 - Number(world.asOf.slice(8));
  let from = openFrom;
  for (let months = 0; months < 6; months++) from -= Number(world.day(from - 1).slice(8));
  return { from, openFrom };
}

/** The offset of a date from the business date; negative in the past. */
export function offsetOf(world: SampleWorld, date: string): number {
  return daysBetween(world.asOf, date);
}

/** The next weekday on or after an offset; the last one before the business date's end when that would pass it. */
export function businessDay(world: SampleWorld, offset: number): number {
  let day = offset;
  while (weekday(world.day(day)) > 4) day += 1;
  if (day <= 0) return day;
  day = Math.min(0, offset);
  while (weekday(world.day(day)) > 4) day -= 1;
  return day;
}

/** The next day of a payment run, Tuesday or Thursday, on or after an offset. */
export function paymentDay(world: SampleWorld, offset: number): number {
  let day = offset;
  while (weekday(world.day(day)) !== 1 && weekday(world.day(day)) !== 3) day += 1;
  return day;
}
