import { Router } from 'express';
import { z } from 'zod';
import { type Costs, costWays } from '../../../engine/costs.ts';
import type { CompleteParts } from '../parts.ts';
import { readQuery } from '../request.ts';

const costsQuery = z.strictObject({
  by: z.enum(costWays).default('model'),
  days: z.coerce.number().int().min(1).max(365).default(7),
  /** The calls of rehearsals instead of the real ones. */
  simulated: z.stringbool().default(false),
});

/** `/v1/costs`: what models cost in the last days, by model, module, workflow, agent, run or day. */
export function costRoutes({ tenantId }: CompleteParts, costs: Costs): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    response.json(await costs.read(tenantId, readQuery(request, costsQuery)));
  });

  return router;
}
