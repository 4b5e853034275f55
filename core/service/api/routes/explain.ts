import { Router } from 'express';
import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { readQuery } from '../request.ts';

const query = z.strictObject({
  /** The path of one step: with everything in its way, and what lifting each would do. */
  step: z.string().min(1).max(500).optional(),
});

/** `/v1/runs/:id/explain`: what a run's steps wait for, and when they should start. */
export function explainRoutes({ history, engine, tenantId }: CompleteParts): Router {
  const router = Router();

  router.get('/:id/explain', async (request, response) => {
    const { step } = readQuery(request, query);
    const { id: runId } = await history.head(tenantId, request.params.id);
    response.json(await engine.explain({ tenantId, runId, step }));
  });

  return router;
}
