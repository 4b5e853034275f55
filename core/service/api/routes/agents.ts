import { Router } from 'express';
import { z } from 'zod';
import type { Agents } from '../../../engine/agents/agents.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const name = z.string().min(1).max(200);
const number = z.coerce.number().int().min(1);
const listQuery = z.strictObject({ module: name.optional(), capability: name.optional() });
const showQuery = z.strictObject({ version: number.optional() });
/** Its form is the document's own (core/sdk/agent-document.ts). */
const document = z.record(z.string(), z.unknown());
const changeBody = z.strictObject({
  /** The version that whoever changes it has read: where another is in force by now, nothing changes. */
  version: z.int().min(1),
  document,
});
const cloneBody = z.strictObject({
  name,
  /** Members that are other than the original's. */
  changes: document.optional(),
});
const rollBackBody = z
  .strictObject({
    /** @default the version before the one in force */
    to: z.int().min(1).optional(),
  })
  .optional();

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/agents`: the agents of the loaded code, and those that people make while Tutti runs. */
export function agentRoutes({ tenantId }: CompleteParts, agents: Agents): Router {
  const router = Router();
  const speaking = { tenantId, actor };

  router.get('/', async (request, response) => {
    const filter = readQuery(request, listQuery);
    response.json({ items: await agents.list(tenantId, filter), next: null });
  });

  router.get('/:name', async (request, response) => {
    const { version } = readQuery(request, showQuery);
    response.json(await agents.show(tenantId, request.params.name, version));
  });

  router.get('/:name/versions', async (request, response) => {
    const { versions: items, ...view } = await agents.versions(tenantId, request.params.name);
    response.json({ ...view, items, next: null });
  });

  router.post('/', async (request, response) => {
    const made = await agents.create(speaking, readBody(request, document));
    response.status(201).location(`/v1/agents/${made.agent.name}`).json(made);
  });

  router.put('/:name', async (request, response) => {
    const { version, document: written } = readBody(request, changeBody);
    response.json(await agents.change(speaking, request.params.name, { written, version }));
  });

  router.delete('/:name', async (request, response) => {
    const { version } = readQuery(request, showQuery);
    response.json(await agents.delete(speaking, request.params.name, { version }));
  });

  router.post('/:name/clone', async (request, response) => {
    const { name, changes } = readBody(request, cloneBody);
    const clone = { name, ...(changes && { changes }) };
    const made = await agents.clone(speaking, request.params.name, clone);
    response.status(201).location(`/v1/agents/${made.agent.name}`).json(made);
  });

  router.post('/:name/rollback', async (request, response) => {
    const { to } = readBody(request, rollBackBody) ?? {};
    response.json(await agents.rollBack(speaking, request.params.name, to));
  });

  return router;
}
