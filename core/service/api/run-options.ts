import { z } from 'zod';
import type { RunRequest } from '../../engine/run/request.ts';
import { goalSchema } from '../../sdk/goal.ts';
import { keySchema } from './idempotency.ts';
import { businessDay, timeZone } from './request.ts';

/** Members of every body that starts a run or a task, beside what is to be done. */
export const runOptions = {
  key: keySchema.optional().meta({ description: 'The same as the header Idempotency-Key.' }),
  company: z.string().min(1).max(50).optional().meta({
    description: 'The company that it is for. Without one it is for the whole group.',
  }),
  businessDate: businessDay.optional().meta({
    description: 'What “today” means to it. Without one, the current day of the installation.',
  }),
  timeZone: timeZone.optional().meta({ description: 'An IANA time zone.' }),
  priority: z.int().min(1).max(10).optional().meta({ description: '10 goes first; usually 5.' }),
};

/** What a run is for. */
export const goalOption = goalSchema.optional().meta({
  description:
    'What it is for, in words; its agents are told. Without one, what its workflow says.',
});

/** What a run gets that names no date or zone of its own. */
export type RunDefaults = () => Pick<RunRequest, 'businessDate' | 'timeZone'>;

/** What a body says of a run, complete; its key is the call's. */
export function readOptions(
  body: { readonly [K in keyof typeof runOptions]?: z.output<(typeof runOptions)[K]> },
  usual: RunDefaults,
): Pick<RunRequest, 'company' | 'businessDate' | 'timeZone' | 'priority'> {
  const { company, priority } = body;
  const { businessDate = usual().businessDate, timeZone: zone = usual().timeZone } = body;
  return {
    businessDate,
    timeZone: zone,
    ...(company !== undefined && { company }),
    ...(priority !== undefined && { priority }),
  };
}
