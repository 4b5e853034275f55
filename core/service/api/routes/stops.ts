import { Router } from 'express';
import { z } from 'zod';
import type { StopStore } from '../../../engine/authority/stop-store.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const stopsQuery = z.strictObject({ all: z.enum(['true', 'false']).optional() });
const reasonBody = z.strictObject({ reason: z.string().trim().max(2_000).optional() });

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/stops`: what is stopped. A stop is set by PUT and lifted by DELETE of its reach: `all`, `tenant`, `module:finance`. */
export function stopRoutes({ tenantId }: CompleteParts, stops: StopStore): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    const { all } = readQuery(request, stopsQuery);
    response.json({ items: await stops.list(tenantId, { all: all === 'true' }), next: null });
  });

  router.put('/:reach', async (request, response) => {
    const { reason } = readBody(request, reasonBody);
    const { reach } = request.params;
    response.json(await stops.stop({ tenantId, reach, actor, reason }));
  });

  router.delete('/:reach', async (request, response) => {
    const { reach } = request.params;
    response.json(await stops.lift({ tenantId, reach, actor }));
  });

  return router;
}
