import { z } from 'zod';

/** Who did something, as answers show it. */
export const actorShape = z
  .object({
    kind: z.enum(['person', 'key', 'agent', 'schedule', 'hook']),
    id: z.string(),
    onBehalfOf: z.array(z.string()).optional(),
  })
  .meta({ id: 'Actor' });

/** A page of a list. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "For the next page's `cursor`." }),
  });
}
