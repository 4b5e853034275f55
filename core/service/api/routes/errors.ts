import { Router } from 'express';
import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { readQuery } from '../request.ts';

const errorsQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(365).default(7) });

/** `/v1/errors`: what failed in the last days, by code, category, severity, agent, day and tool. */
export function errorRoutes({ history, tenantId }: CompleteParts): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    const { days } = readQuery(request, errorsQuery);
    response.json(await history.failures(tenantId, days));
  });

  return router;
}
