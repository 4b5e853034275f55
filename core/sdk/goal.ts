import { z } from 'zod';

/** How long the goal of a run may be, in characters. */
export const goalLength = 500;

/** What a run is for, in words: a sentence. */
export const goalSchema: z.ZodString = z
  .string()
  .trim()
  .min(1, 'must say what the run is for')
  .max(goalLength, `must have at most ${goalLength} characters`);
