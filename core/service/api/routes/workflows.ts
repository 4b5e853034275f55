import { Router } from 'express';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Versions } from '../../../engine/versions/versions.ts';
import { readDocument } from '../../../sdk/document.ts';
import type { WorkflowData } from '../../../sdk/node.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, readQuery } from '../request.ts';

const number = z.coerce.number().int().min(1);
const showQuery = z.strictObject({ version: number.optional() });
const diffQuery = z.strictObject({ from: number, to: number });
const publishBody = z
  .strictObject({
    /** YAML or JSON as text. @default what the loaded code says */
    document: z.string().min(1).optional(),
  })
  .optional();
const rollBackBody = z
  .strictObject({
    /** @default the version before what a plain run takes */
    to: z.int().min(1).optional(),
  })
  .optional();
const emptyBody = z.strictObject({}).optional();

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/workflows`: what can be run, its versions, and which of them is in force. */
export function workflowRoutes({ tenantId }: CompleteParts, versions: Versions): Router {
  const router = Router();
  const spoken = (name: string) => ({ tenantId, name, actor });

  router.get('/', async (_request, response) => {
    response.json({ items: await versions.workflows(tenantId), next: null });
  });

  router.get('/:name', async (request, response) => {
    const { version } = readQuery(request, showQuery);
    response.json(await versions.find(tenantId, request.params.name, version));
  });

  router.get('/:name/versions', async (request, response) => {
    const { versions: items, ...view } = await versions.list(tenantId, request.params.name);
    response.json({ ...view, items, next: null });
  });

  router.get('/:name/diff', async (request, response) => {
    const between = readQuery(request, diffQuery);
    response.json(await versions.diff(tenantId, request.params.name, between));
  });

  router.post('/:name/publish', async (request, response) => {
    const { document } = readBody(request, publishBody) ?? {};
    const { name } = request.params;
    const written = document === undefined ? undefined : dataOf(document, name);
    response.json(await versions.publish(spoken(name), written));
  });

  router.post('/:name/rollback', async (request, response) => {
    const { to } = readBody(request, rollBackBody) ?? {};
    response.json(await versions.rollBack(spoken(request.params.name), to));
  });

  router.post('/:name/release', async (request, response) => {
    readBody(request, emptyBody);
    response.json(await versions.release(spoken(request.params.name)));
  });

  return router;
}

/** @throws WORKFLOW_INVALID with every fault of the document · INPUT_INVALID when it is of another workflow */
function dataOf(document: string, name: string): WorkflowData {
  const { data, faults } = readDocument(document, { file: 'document' });
  if (!data) {
    const { line, column, message } = faults[0] ?? {};
    const text = `The document is no workflow: line ${line}, column ${column}: ${message}`;
    throw new EngineError('WORKFLOW_INVALID', text, { details: { faults } });
  }
  if (data.name === name) return data;
  throw new EngineError(
    'INPUT_INVALID',
    `The document is of the workflow '${data.name}', not of '${name.slice(0, 64)}'.`,
  );
}
