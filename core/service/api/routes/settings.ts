import { Router } from 'express';
import { z } from 'zod';
import type { SettingStore } from '../../../engine/recovery/setting-store.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody } from '../request.ts';

// A key that is left out and one that is null are the same to a value's own schema: neither is one.
const settingBody = z.strictObject({ value: z.unknown() });

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/settings`: what can be changed while engines run; they follow within about a second. */
export function settingRoutes({ tenantId }: CompleteParts, settings: SettingStore): Router {
  const router = Router();

  router.get('/', async (_request, response) => {
    response.json({ items: await settings.list(tenantId), next: null });
  });

  router.get('/:name', async (request, response) => {
    response.json(await settings.get(tenantId, request.params.name));
  });

  router.put('/:name', async (request, response) => {
    const { value } = readBody(request, settingBody);
    response.json(await settings.put(tenantId, request.params.name, { value, actor }));
  });

  router.delete('/:name', async (request, response) => {
    response.json(await settings.reset(tenantId, request.params.name));
  });

  return router;
}
