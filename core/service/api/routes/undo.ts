import { Router } from 'express';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Undo } from '../../../engine/undo/undo.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const step = z.string().min(1).max(500).optional();
const undoQuery = z.strictObject({ step });
const undoBody = z
  .strictObject({
    /** The path of one step; without it the whole run is undone. */
    step,
    reason: z.string().trim().min(1).max(2_000).optional(),
    /** Only says what would be taken back. */
    dryRun: z.boolean().default(false),
  })
  .refine(({ dryRun, reason }) => dryRun || reason !== undefined, {
    path: ['reason'],
    error: 'is required: why is it undone?',
  });

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/runs/:id/undo`: takes back what a run did, and tells how far that has come. */
export function undoRoutes({ history, tenantId }: CompleteParts, undo: Undo): Router {
  const router = Router();

  router.post('/:id/undo', async (request, response) => {
    const { dryRun, reason = '', ...rest } = readBody(request, undoBody);
    const head = await history.head(tenantId, request.params.id);
    const scope = { tenantId, runId: head.id, ...rest };
    if (dryRun) {
      response.json(await undo.plan(scope));
      return;
    }
    const { id } = await undo.start({ ...scope, reason, actor });
    response
      .status(202)
      .location(`/v1/runs/${id}`)
      .json(await undo.view(scope));
  });

  router.get('/:id/undo', async (request, response) => {
    const { step: path } = readQuery(request, undoQuery);
    const head = await history.head(tenantId, request.params.id);
    const view = await undo.view({ tenantId, runId: head.id, step: path });
    if (view) response.json(view);
    else throw new EngineError('RUN_UNKNOWN', `Nobody has undone run ${head.id}.`);
  });

  return router;
}
