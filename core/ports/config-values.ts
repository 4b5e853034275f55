import { z } from 'zod';

/*
 * The kinds of values that members of a configuration hold.
 */

/** A member that may be left out, and what holds then, in words or as a value. */
export const said = <T extends z.ZodType>(schema: T, description: string, usual?: unknown) =>
  schema.optional().meta({ description, ...(usual !== undefined && { usual }) });

/** Words. */
export const text = z.string().min(1);
/** Words, any number of them. */
export const texts = z.array(text);
/** Yes or no. */
export const isTrue = z.boolean();
/** How many: one at least. */
export const count = z.int().min(1);
/** How many, none among them. */
export const whole = z.int().min(0);
/** A part of a whole, 0 to 1. */
export const share = z.number().min(0).max(1);
/** A time, in its unit. */
export const time = z.number().positive();
/** How many in a span of time: of less than one none would ever pass, and more than this nobody counts. */
export const rate = z.number().min(1).max(Number.MAX_SAFE_INTEGER);
/** A time of day. */
export const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write HH:MM, 00:00 to 23:59');
/** A place on the clock, as IANA names it. */
export const zone = z.string().refine(isTimeZone, 'write an IANA time zone, such as Europe/Berlin');
/** Declarations: functions and modules pass as they are. */
export const declared = z.custom<object>((value) => typeof value === 'object' && value !== null, {
  error: 'write what its define… function gives',
});
/** What is called: a function passes as it is. */
export const called = z.custom<object>((value) => typeof value === 'function', 'write a function');
/** Values by name. */
export const named = <T extends z.ZodType>(schema: T) => z.record(z.string(), schema);

/** Whether a place names a module's code: a package, or a file in a folder of its own below the configuration: what is read anew is that folder. */
export function isModulePlace(place: string): boolean {
  if (place.split('/').includes('..')) return false;
  if (place.startsWith('./')) return place.split('/').length > 2;
  return /^(@[a-z0-9._-]+\/)?[a-z0-9][a-z0-9._-]*(\/[\w./-]+)?$/i.test(place);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== null;
  } catch {
    return false;
  }
}
