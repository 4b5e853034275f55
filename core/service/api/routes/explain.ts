import { z } from 'zod';
import { mostTold, usuallyTold } from '../../../engine/explain/explanation.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { instant, runStatus } from '../shapes.ts';
import { stepStatus } from './run-shapes.ts';

const query = z.strictObject({
  step: z.string().min(1).max(500).optional().meta({
    description:
      'The path of one step: with everything in its way, and what lifting each would do.',
  }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(mostTold)
    .default(usuallyTold)
    .meta({ description: 'How many steps are told of at most.' }),
});

// What kinds there are, and what each says beside its sentence, grows with the engine.
const blockerShape = z
  .looseObject({
    kind: z.string(),
    text: z.string().meta({ description: 'A sentence for people.' }),
    untilMs: z
      .number()
      .nullable()
      .meta({ description: 'Until it may be over, where that is known.' }),
    ifLifted: instant.nullable().optional().meta({
      description: 'When the step would start if this alone were lifted; of one step only.',
    }),
  })
  .meta({ id: 'Blocker' });

const explanationShape = z
  .object({
    runId: z.uuid(),
    status: runStatus,
    at: instant,
    source: z.enum(['owner', 'rows']).meta({
      description: 'The engine that owns the run, or what is stored, which knows no limits.',
    }),
    note: z.string().optional(),
    endAt: instant.nullable().meta({ description: 'When the run should end.' }),
    deadlineAt: instant
      .nullable()
      .meta({ description: 'When it is cancelled if it has not ended.' }),
    bottleneck: z
      .object({ kind: z.string(), name: z.string(), share: z.number() })
      .nullable()
      .meta({ description: 'What ready work is expected to wait for longest.' }),
    steps: z.array(
      z.object({
        id: z.int(),
        path: z.string(),
        kind: z.string(),
        agent: z.string().nullable(),
        status: stepStatus,
        isFollowUp: z.boolean(),
        blockers: z.array(blockerShape).meta({ description: 'The first decides.' }),
        startAt: instant.nullable(),
        endAt: instant.nullable(),
      }),
    ),
    more: z.int().meta({ description: 'How many steps wait beside these.' }),
  })
  .meta({ id: 'Explanation' });

/** `/v1/runs/:id/explain`: what a run's steps wait for, and when they should start. */
export function explainRoutes({ history, engine }: CompleteParts): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/runs/:id/explain',
      summary: 'Says what the steps of a run wait for, and when they should start.',
      permission: 'runs:read',
      query,
      answers: { 200: explanationShape },
      errors: ['RUN_UNKNOWN', 'STEP_UNKNOWN', 'ENGINE_STOPPED'],
      handle: async ({ tenantId, params, query: { step, limit }, principal }) => {
        const { id: runId } = await history.head(tenantId, params.id, principal);
        return ok(await engine.explain({ tenantId, runId, step, limit }));
      },
    }),
  ];
}
