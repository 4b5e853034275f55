import { Router } from 'express';
import { z } from 'zod';
import type { Tasks } from '../../../engine/tasks/tasks.ts';
import { idempotencyKey, keySchema } from '../idempotency.ts';
import type { CompleteParts } from '../parts.ts';
import { readBody, timeZone } from '../request.ts';

const name = z.string().min(1).max(200);
const taskBody = z
  .strictObject({
    /** `module.agent`; without it the best one for what is wanted. */
    agent: name.optional(),
    capability: name.optional(),
    inputType: name.optional(),
    outputType: name.optional(),
    text: z.string().min(1).max(100_000).optional(),
    /** The agent's input as it takes it; with `text` what is beside that. */
    input: z.unknown().optional(),
    key: keySchema.optional(),
    company: z.string().min(1).max(50).optional(),
    businessDate: z.iso.date().optional(),
    timeZone: timeZone.optional(),
    priority: z.int().min(1).max(10).optional(),
  })
  .refine(({ text, input }) => text !== undefined || input !== undefined, {
    error: 'needs text or input',
  })
  .refine(({ agent, capability, text }) => [agent, capability, text].some(Boolean), {
    error: 'needs agent, capability or text',
  })
  .refine((body) => !body.agent || !(body.capability || body.inputType || body.outputType), {
    path: ['agent'],
    error: 'is named: leave capability, inputType and outputType out',
  });

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/tasks`: single tasks, each for one agent, beside the runs of workflows. */
export function taskRoutes({ tenantId, runDefaults }: CompleteParts, tasks: Tasks): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const { businessDate, timeZone: zone, ...body } = readBody(request, taskBody);
    const usual = runDefaults();
    const { id } = await tasks.start({
      ...body,
      ...{ tenantId, actor, key: idempotencyKey(request, body.key) },
      ...{ businessDate: businessDate ?? usual.businessDate, timeZone: zone ?? usual.timeZone },
    } as Parameters<Tasks['start']>[0]);
    response
      .status(202)
      .location(`/v1/tasks/${id}`)
      .json(await tasks.view(tenantId, id));
  });

  router.get('/:id', async (request, response) => {
    response.json(await tasks.view(tenantId, request.params.id));
  });

  return router;
}
