import { Router } from 'express';
import { z } from 'zod';
import type { Budgets } from '../../../engine/limits/budgets.ts';
import { readUsd } from '../../../engine/limits/daily-limit.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const budgetsQuery = z.strictObject({ simulated: z.stringbool().default(false) });
// Text, because a number in JSON is read as a float.
const budgetBody = z.strictObject({ usdPerDay: z.string() });

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/budgets`: the purses of today, and what they hold; engines follow a change within about a second. */
export function budgetRoutes({ tenantId }: CompleteParts, budgets: Budgets): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    const view = await budgets.list(tenantId, readQuery(request, budgetsQuery));
    response.json({ ...view, next: null });
  });

  router.put('/:scope', async (request, response) => {
    const microUsd = readUsd(readBody(request, budgetBody).usdPerDay);
    response.json(await budgets.set(tenantId, request.params.scope, { microUsd, actor }));
  });

  router.delete('/:scope', async (request, response) => {
    response.json(await budgets.unset(tenantId, request.params.scope));
  });

  return router;
}
