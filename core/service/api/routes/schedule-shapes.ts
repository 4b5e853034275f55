import { z } from 'zod';
import { actorShape, failureShape } from '../shapes.ts';

const instant = z.iso.datetime();
const slotState = z.enum(['due', 'queued', 'fired', 'ended', 'skipped', 'failed']).meta({
  description:
    '`due`: it is about to start. `queued`: it waits for others. `fired`: its run is stored. `ended`: that has ended. `skipped`: it does not start, by its `reason`. `failed`: its run could not be stored, by its `error`.',
});
const outcome = z
  .string()
  .nullable()
  .meta({ description: 'Status of its run, once that has ended; `gone`: it is kept no more.' });

/** A slot of a schedule. */
export const slotShape = z
  .object({
    id: z.string(),
    schedule: z.string(),
    at: instant.meta({ description: 'When it was due by the clock, or was triggered.' }),
    dueAt: instant.meta({ description: 'With its share of the jitter.' }),
    origin: z.enum(['schedule', 'trigger', 'backfill']),
    state: slotState,
    reason: z.string().nullable(),
    runId: z.string().nullable(),
    outcome,
    error: failureShape.nullable(),
    businessDate: z.iso.date(),
    timeZone: z.string(),
    backfillId: z.string().nullable(),
    actor: actorShape.nullable().meta({ description: 'Who asked for it; null: the clock.' }),
    decidedAt: instant,
  })
  .meta({ id: 'Slot' });

/** A moment at which a schedule will come due. */
export const occurrenceShape = z
  .object({
    at: instant,
    local: z.string().meta({ description: 'What clocks show then, with their offset.' }),
    timeZone: z.string(),
    businessDate: z.iso.date(),
    period: z.string().nullable().meta({ description: 'Code of its fiscal period.' }),
    excluded: z
      .enum(['date', 'weekend', 'holiday'])
      .nullable()
      .meta({ description: 'Why it does not come due.' }),
  })
  .meta({ id: 'Occurrence' });

/** A schedule. */
export const scheduleShape = z
  .object({
    name: z.string(),
    workflow: z.string(),
    module: z.string().nullable().meta({ description: 'Null: the configuration declares it.' }),
    company: z.string().nullable(),
    when: z.string().meta({ description: 'When it comes due, in a line.' }),
    overlap: z.enum(['skip', 'queue', 'cancel_running', 'allow']),
    paused: z.object({ at: instant, by: actorShape, reason: z.string() }).nullable(),
    nextAt: instant.nullable().meta({ description: 'Null: it never comes due again.' }),
    last: slotShape.nullable(),
    open: z.int().meta({ description: 'Slots that start or go on.' }),
    queued: z.int().meta({ description: 'Slots that wait for those.' }),
    declaration: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Schedule' });

/** A backfill in a list. */
export const backfillHeadShape = z
  .object({
    id: z.string().nullable().meta({ description: 'Null of a dry run.' }),
    schedule: z.string(),
    from: instant,
    to: instant,
    reprocess: z.enum(['none', 'failed', 'completed']),
    maxActiveRuns: z.int(),
    order: z.enum(['forwards', 'backwards']),
    state: z.enum(['planned', 'running', 'ended', 'cancelled']),
    actor: actorShape,
    at: instant.nullable(),
    endedAt: instant.nullable(),
  })
  .meta({ id: 'BackfillHead' });

/** A backfill with its slots. */
export const backfillShape = backfillHeadShape
  .extend({
    slots: z.array(
      z.object({
        at: instant,
        businessDate: z.iso.date(),
        timeZone: z.string(),
        state: slotState,
        reason: z.string().nullable(),
        runId: z.string().nullable(),
        outcome,
        error: failureShape.nullable(),
      }),
    ),
  })
  .meta({ id: 'Backfill' });
