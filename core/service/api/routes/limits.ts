import { Router } from 'express';
import type { LimitsView } from '../../../engine/limits/limits-view.ts';

/** `/v1/limits`: how much of its limits each model has used, and the totals of calls, tokens, waits and cost. */
export function limitRoutes(limits: () => LimitsView | Promise<LimitsView>): Router {
  const router = Router();

  router.get('/', async (_request, response) => {
    response.json(await limits());
  });

  return router;
}
