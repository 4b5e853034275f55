import { z } from 'zod';

/** The type that a JSON Schema describes, or why it cannot be checked by it, in at most 200 characters. */
export function typeFrom(schema: Readonly<Record<string, unknown>>): z.ZodType | string {
  try {
    return z.fromJSONSchema({ ...schema });
  } catch (error) {
    return (error as Error).message.slice(0, 200);
  }
}
