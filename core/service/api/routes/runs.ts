import type { Response } from 'express';
import { Router } from 'express';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { RunRequest } from '../../../engine/run/store.ts';
import { idempotencyKey, keySchema } from '../idempotency.ts';
import type { CompleteParts } from '../parts.ts';
import { pageOf, paging, readBody, readQuery, timeZone, whenGone } from '../request.ts';

const runsQuery = paging(z.uuid(), { usual: 50, most: 200 });
const stepsQuery = paging(z.coerce.number().int().nonnegative(), { usual: 200, most: 1_000 });
const runBody = z
  .strictObject({
    workflow: z.string().min(1).max(200),
    /** @default the one in force */
    version: z.int().min(1).optional(),
    input: z.unknown().optional(),
    key: keySchema.optional(),
    company: z.string().min(1).max(50).optional(),
    businessDate: z.iso.date().optional(),
    timeZone: timeZone.optional(),
    priority: z.int().min(1).max(10).optional(),
    /** Whether a person waits for it. */
    attended: z.boolean().default(false),
    /** Playbooks behind simulated model calls, and no writes. */
    rehearsal: z.boolean().default(false),
    /** Of a rehearsal: how many times as fast its simulated calls go. */
    speed: z.int().min(1).max(1_000).optional(),
    /** Hash of the plan that it must keep to. */
    plan: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  })
  .refine(({ rehearsal, speed }) => rehearsal || speed === undefined, {
    path: ['speed'],
    error: 'is for rehearsals',
  });
const emptyBody = z.strictObject({}).optional();
const cancelBody = z
  .strictObject({
    /** The path of one step; without it the whole run ends. */
    step: z.string().min(1).max(500).optional(),
    /** Whether what waits for the step is cancelled, too. */
    subtree: z.boolean().optional(),
  })
  .refine(
    ({ step, subtree }) => subtree === undefined || step !== undefined,
    'subtree needs a step',
  )
  .optional();

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/runs`: what there is, starting, cancelling, pausing, looking. */
export function runRoutes(parts: CompleteParts): Router {
  const { history, engine, tenantId, runDefaults } = parts;
  const router = Router();

  router.get('/', async (request, response) => {
    const { cursor, limit } = readQuery(request, runsQuery);
    const rows = await history.runs(tenantId, {
      limit: limit + 1,
      ...(cursor !== undefined && { before: cursor }),
    });
    response.json(pageOf(rows, limit, (run) => run.id));
  });

  router.post('/', async (request, response) => {
    const body = readBody(request, runBody);
    const { key: _, businessDate, timeZone: zone, company, priority, ...further } = body;
    const { speed, plan, version, ...asked } = further;
    const usual = runDefaults();
    const run: RunRequest = {
      ...asked,
      input: asked.input,
      tenantId,
      actor,
      key: idempotencyKey(request, body.key),
      businessDate: businessDate ?? usual.businessDate,
      timeZone: zone ?? usual.timeZone,
      ...(company !== undefined && { company }),
      ...(priority !== undefined && { priority }),
      ...(speed !== undefined && { speed }),
      ...(version !== undefined && { version }),
    };
    const bound = plan === undefined ? run : await bind(parts, run, { plan, response });
    const { id } = await engine.startRun(bound);
    response
      .status(202)
      .location(`/v1/runs/${id}`)
      .json(await history.head(tenantId, id));
  });

  router.get('/:id', async (request, response) => {
    const head = await history.head(tenantId, request.params.id);
    response.json({ ...head, summary: await history.summary(tenantId, head.id) });
  });

  router.post('/:id/cancel', async (request, response) => {
    const { step, subtree } = readBody(request, cancelBody) ?? {};
    const head = await history.head(tenantId, request.params.id);
    // Ended before: the wish has come true.
    if (head.endedAt === null)
      await engine.ask({ tenantId, runId: head.id, kind: 'cancel', step, subtree, actor });
    response
      .status(202)
      .location(`/v1/runs/${head.id}`)
      .json(await history.head(tenantId, head.id));
  });

  for (const kind of ['pause', 'resume'] as const) {
    router.post(`/:id/${kind}`, async (request, response) => {
      readBody(request, emptyBody);
      const head = await history.head(tenantId, String(request.params.id));
      await engine.ask({ tenantId, runId: head.id, kind, actor });
      response
        .status(202)
        .location(`/v1/runs/${head.id}`)
        .json(await history.head(tenantId, head.id));
    });
  }

  router.get('/:id/steps', async (request, response) => {
    const { cursor, limit } = readQuery(request, stepsQuery);
    const { id } = await history.head(tenantId, request.params.id);
    const rows = await history.steps(tenantId, id, {
      limit: limit + 1,
      ...(cursor !== undefined && { after: cursor }),
    });
    response.json(pageOf(rows, limit, (step) => String(step.id)));
  });

  return router;
}

/** @throws PLAN_CHANGED · INPUT_INVALID where nothing can be bound */
async function bind(
  { planner, closing }: CompleteParts,
  run: RunRequest,
  { plan, response }: { readonly plan: string; readonly response: Response },
): Promise<RunRequest> {
  if (planner) return planner.bind(run, plan, AbortSignal.any([closing, whenGone(response)]));
  throw new EngineError('INPUT_INVALID', 'Here no run can be bound to a plan; leave `plan` out.');
}
