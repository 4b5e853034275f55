import { Router } from 'express';
import { z } from 'zod';
import type { Tools } from '../../../engine/tools/tools.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const toolsQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(365).default(7) });
const word = z.string().trim().min(1).max(200);
const grantee = z.union([z.strictObject({ agent: word }), z.strictObject({ role: word })], {
  error: "must be an object with either 'agent' or 'role'",
});

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/tools`: what tools there are, who may use them, and how they are used. A grant is set by POST and taken back by DELETE. */
export function toolRoutes({ tenantId }: CompleteParts, tools: Tools): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    response.json({
      items: await tools.list(tenantId, readQuery(request, toolsQuery)),
      next: null,
    });
  });

  router.get('/:name', async (request, response) => {
    const { name } = request.params;
    response.json(await tools.show(tenantId, name, readQuery(request, toolsQuery)));
  });

  router.post('/:name/grants', async (request, response) => {
    const to = readBody(request, grantee);
    response.json(await tools.grant({ ...to, tenantId, tool: request.params.name, actor }));
  });

  router.delete('/:name/grants', async (request, response) => {
    const from = readQuery(request, grantee);
    response.json(await tools.revoke({ ...from, tenantId, tool: request.params.name, actor }));
  });

  return router;
}
