import { Router } from 'express';
import { z } from 'zod';
import type { Planner } from '../../../engine/plan/planner.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, timeZone, whenGone } from '../request.ts';

const planBody = z.strictObject({
  workflow: z.string().min(1).max(200),
  version: z.int().min(1).optional(),
  input: z.unknown().optional(),
  company: z.string().min(1).max(50).optional(),
  businessDate: z.iso.date().optional(),
  timeZone: timeZone.optional(),
});

/** `/v1/plans`: what a run would do, cost and take. Nothing is stored: asked again, it is made again. */
export function planRoutes(
  { tenantId, runDefaults, closing }: CompleteParts,
  planner: Pick<Planner, 'plan'>,
): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const { workflow, input, company, version, ...named } = readBody(request, planBody);
    const usual = runDefaults();
    const asked = {
      tenantId,
      workflow,
      input,
      businessDate: named.businessDate ?? usual.businessDate,
      timeZone: named.timeZone ?? usual.timeZone,
      ...(company !== undefined && { company }),
      ...(version !== undefined && { version }),
    };
    const signal = AbortSignal.any([closing, whenGone(response)]);
    response.json(await planner.plan(asked, signal));
  });

  return router;
}
