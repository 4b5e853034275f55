import { Router } from 'express';
import { z } from 'zod';
import type { AuthorityViews } from '../../../engine/authority/views.ts';
import type { CompleteParts } from '../parts.ts';
import { readQuery } from '../request.ts';

const shadowQuery = z.strictObject({
  run: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

/** `/v1/autonomy` and `/v1/shadow`; both are set by `/v1/settings/autonomy` and `/v1/settings/shadow`. */
export function authorityRoutes({ tenantId }: CompleteParts, views: AuthorityViews): Router {
  const router = Router();

  router.get('/autonomy', async (_request, response) => {
    response.json({ items: await views.levels(tenantId), next: null });
  });

  router.get('/shadow', async (request, response) => {
    const { run, limit } = readQuery(request, shadowQuery);
    const options = { limit, ...(run !== undefined && { runId: run }) };
    response.json({ items: await views.shadow(tenantId, options), next: null });
  });

  return router;
}
