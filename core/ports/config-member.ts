import { z } from 'zod';

/*
 * What the schemas of the configuration are made of.
 */

/** A member that may be left out, with what it is for and what holds when nobody says anything, in words or as a value. */
export const said = <T extends z.ZodType>(schema: T, description: string, usual?: unknown) =>
  schema.optional().meta({ description, ...(usual !== undefined && { usual }) });

/** Text that says something. */
export const text = z.string().min(1);
/** Some of it. */
export const texts = z.array(text);
/** A number of something that there must be. */
export const count = z.int().min(1);
/** A number of something that there may be none of. */
export const whole = z.int().min(0);
/** Members by name. */
export const named = <T extends z.ZodType>(schema: T) => z.record(z.string(), schema);
