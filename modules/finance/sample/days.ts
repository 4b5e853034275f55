import { Day, type SampleWorld } from 'tutti';

/** Offsets from the business date: of the first day of six closed months, and of the open month. */
export interface Period {
  readonly from: number;
  readonly openFrom: number;
}

/** The months that the sample's documents lie in: six closed ones and the open one. */
export function periodOf(world: SampleWorld): Period {
  const offset = (months: number): number => offsetOf(world, Day.monthStart(world.asOf, months));
  return { from: offset(-6), openFrom: offset(0) };
}

/** The offset of a date from the business date; negative in the past. */
export function offsetOf(world: SampleWorld, date: string): number {
  return Day.between(world.asOf, date);
}

/** The next weekday on or after an offset; the last one before the business date's end when that would pass it. */
export function businessDay(world: SampleWorld, offset: number): number {
  let day = offset;
  while (Day.isWeekend(world.day(day))) day += 1;
  if (day <= 0) return day;
  day = Math.min(0, offset);
  while (Day.isWeekend(world.day(day))) day -= 1;
  return day;
}

/** The next day of a payment run, Tuesday or Thursday, on or after an offset. */
export function paymentDay(world: SampleWorld, offset: number): number {
  let day = offset;
  while (![2, 4].includes(Day.weekday(world.day(day)))) day += 1;
  return day;
}
