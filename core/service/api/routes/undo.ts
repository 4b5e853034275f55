import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Undo } from '../../../engine/undo/undo.ts';
import type { CompleteParts } from '../parts.ts';
import { hexDigest } from '../request.ts';
import { accepted, defineRoute, ok, type Route } from '../route.ts';
import { runStatus } from '../shapes.ts';

const step = z.string().min(1).max(500).optional().meta({
  description: 'The path of one step; without it the whole run is meant.',
});
const undoQuery = z.strictObject({ step });
const undoBody = z
  .strictObject({
    step,
    reason: z.string().trim().min(1).max(2_000).optional().meta({
      description: 'Why; required, but for a dry run.',
    }),
    dryRun: z.boolean().default(false).meta({ description: 'Only says what would be taken back.' }),
  })
  .refine(({ dryRun, reason }) => dryRun || reason !== undefined, {
    path: ['reason'],
    error: 'is required: why is it undone?',
  });

const undoShape = z
  .object({
    id: z.uuid().nullable().meta({ description: 'The undo run; null: nothing was started.' }),
    status: runStatus.nullable(),
    of: z.string().meta({ description: 'The run that is undone.' }),
    step: z.string().optional(),
    undone: z.int(),
    total: z.int(),
    withdrawn: z.int().meta({ description: 'Proposals of it that nobody will carry out.' }),
    summary: z.string(),
    effects: z
      .array(
        z.object({
          key: hexDigest,
          tool: z.string(),
          records: z.array(z.object({ entity: z.string(), id: z.string() })),
          became: z.enum(['undone', 'left', 'waiting']),
          reason: z.string().optional().meta({ description: 'Why it was left.' }),
        }),
      )
      .meta({ description: 'In the order in which they are taken back: the last one first.' }),
  })
  .meta({ id: 'Undo' });

/** `/v1/runs/:id/undo`: takes back what a run did, and tells how far that has come. */
export function undoRoutes({ history }: CompleteParts, undo: Undo): readonly Route[] {
  const path = '/v1/runs/:id/undo';
  return [
    defineRoute({
      method: 'post',
      path,
      summary: 'Takes back what a run did, the last effect first.',
      description: 'Asked again it finds the undo that is under way. A dry run answers 200.',
      permission: 'runs:steer',
      body: undoBody,
      answers: { 200: undoShape, 202: undoShape },
      errors: ['RUN_UNKNOWN', 'STEP_UNKNOWN', 'RUN_UNFINISHED'],
      handle: async ({ tenantId, params, body, actor, principal }) => {
        const { dryRun, reason = '', ...rest } = body;
        const head = await history.head(tenantId, params.id, principal);
        const scope = { tenantId, runId: head.id, ...rest };
        if (dryRun) return ok(await undo.plan(scope));
        const { id } = await undo.start({ ...scope, reason, actor });
        return accepted(`/v1/runs/${id}`, await undo.view(scope));
      },
    }),
    defineRoute({
      method: 'get',
      path,
      summary: 'Shows how far the newest undo of a run has come.',
      permission: 'runs:read',
      query: undoQuery,
      answers: { 200: undoShape },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, params, query, principal }) => {
        const head = await history.head(tenantId, params.id, principal);
        const view = await undo.view({ tenantId, runId: head.id, step: query.step });
        if (view) return ok(view);
        throw new EngineError('RUN_UNKNOWN', `Nobody has undone run ${head.id}.`);
      },
    }),
  ];
}
