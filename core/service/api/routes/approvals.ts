import { Router } from 'express';
import { z } from 'zod';
import type { Approvals } from '../../../engine/approvals/approvals.ts';
import type { CompleteParts } from '../parts.ts';
import { pageOf, paging, readBody, readQuery } from '../request.ts';

const approvalsQuery = paging(z.uuid(), { usual: 200, most: 1_000 }).extend({
  state: z.enum(['open', 'granted', 'refused', 'expired', 'withdrawn', 'consumed']).optional(),
  run: z.uuid().optional(),
});
const decisionBody = z.strictObject({
  decision: z.enum(['granted', 'refused']),
  /** A refusal has one. */
  note: z.string().trim().min(1).max(2_000).optional(),
});

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const person = 'local';

/** `/v1/approvals`: what people are asked, and what they say. */
export function approvalRoutes({ history, tenantId }: CompleteParts, approvals: Approvals): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    const { cursor, limit, state, run } = readQuery(request, approvalsQuery);
    if (run !== undefined) await history.head(tenantId, run);
    const rows = await approvals.list(tenantId, {
      limit: limit + 1,
      ...(state !== undefined && { state }),
      ...(run !== undefined && { runId: run }),
      ...(cursor !== undefined && { after: cursor }),
    });
    response.json(pageOf(rows, limit, (approval) => approval.id));
  });

  router.get('/:id', async (request, response) => {
    response.json(await approvals.find(tenantId, request.params.id));
  });

  router.post('/:id/decision', async (request, response) => {
    const { decision, note } = readBody(request, decisionBody);
    const { id } = request.params;
    response.json(await approvals.decide({ tenantId, id, decision, note, person, via: 'api' }));
  });

  return router;
}
