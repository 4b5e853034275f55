import { z } from 'zod';
import type { Tasks } from '../../../engine/tasks/tasks.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import { keySchema } from '../idempotency.ts';
import type { CompleteParts } from '../parts.ts';
import { businessDay, timeZone } from '../request.ts';
import { accepted, defineRoute, ok, type Route } from '../route.ts';
import { failureShape, runStatus } from '../shapes.ts';

const name = z.string().min(1).max(200);
const taskBody = z
  .strictObject({
    agent: name
      .optional()
      .meta({ description: '`module.agent`; without it the best one for what is wanted.' }),
    capability: name.optional(),
    inputType: name.optional(),
    outputType: name.optional(),
    text: z.string().min(1).max(100_000).optional(),
    input: z.unknown().optional().meta({
      description: 'The agent’s input as it takes it; with `text` what is beside that.',
    }),
    key: keySchema.optional(),
    company: z.string().min(1).max(50).optional(),
    businessDate: businessDay.optional(),
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
const taskShape = z
  .object({
    id: z.string().meta({ description: 'That of its run.' }),
    state: runStatus,
    agent: z.string(),
    why: z.string().meta({ description: 'Why this agent.' }),
    considered: z.array(
      z.object({
        agent: z.string(),
        words: z.int(),
        underWay: z.int(),
        succeeded: z.int(),
        ended: z.int(),
        confirmed: z.int(),
      }),
    ),
    output: z.unknown(),
    error: failureShape.nullable(),
    findings: z.int(),
    costMicroUsd: z.int(),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Task' });

/** `/v1/tasks`: single tasks, each for one agent, beside the runs of workflows. */
export function taskRoutes(
  { runDefaults }: Pick<CompleteParts, 'runDefaults'>,
  tasks: Tasks,
): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/tasks',
      summary: 'Starts a task: of the agent that it names, or of the best for it.',
      permission: 'runs:start',
      body: taskBody,
      key: 'required',
      answers: { 202: taskShape },
      errors: ['AGENT_UNKNOWN', 'MODEL_REQUIRED', 'KEY_REUSED'],
      handle: async ({ tenantId, actor, key, body, principal, demand }) => {
        const { businessDate, timeZone: zone, ...asked } = body;
        // Where none is named any agent may be chosen, and a run without a company reads all of them.
        const module = asked.agent === undefined ? null : moduleOf(asked.agent);
        demand({ module, company: asked.company ?? null });
        const usual = runDefaults();
        const { id } = await tasks.start({
          ...asked,
          ...{ tenantId, actor, key },
          ...{ businessDate: businessDate ?? usual.businessDate, timeZone: zone ?? usual.timeZone },
        } as Parameters<Tasks['start']>[0]);
        return accepted(`/v1/tasks/${id}`, await tasks.view(tenantId, id, principal));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/tasks/:id',
      summary: 'Shows a task, with its answer once it has ended.',
      permission: 'runs:read',
      answers: { 200: taskShape },
      errors: ['TASK_UNKNOWN'],
      handle: async ({ tenantId, params: { id }, principal }) =>
        ok(await tasks.view(tenantId, id, principal)),
    }),
  ];
}
