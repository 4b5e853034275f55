import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { RunDetail } from '../../../engine/history/views.ts';
import type { RunRequest } from '../../../engine/store/store.ts';
import type { Principal } from '../../identity/principal.ts';
import { byOwnKey } from '../own-key.ts';
import type { CompleteParts } from '../parts.ts';
import {
  emptyBody,
  hexDigest,
  momentOrDay,
  pageOf,
  paging,
  rowInQuery,
  versionNumber,
} from '../request.ts';
import { accepted, defineRoute, ok, type Route } from '../route.ts';
import { goalOption, readOptions, runOptions } from '../run-options.ts';
import { listOf, runStatus } from '../shapes.ts';
import { entryShape, runDetailShape, runShape, stepShape } from './run-shapes.ts';

const runsQuery = paging(z.uuid(), { usual: 50, most: 200 }).extend({
  workflow: z.string().min(1).max(200).optional(),
  status: runStatus.optional(),
  company: z.string().min(1).max(50).optional(),
  from: momentOrDay.optional().meta({ description: 'Made at this moment or later.' }),
  to: momentOrDay.optional().meta({ description: 'Made before this moment.' }),
});
const rowsQuery = paging(rowInQuery, { usual: 200, most: 1_000 });
const runBody = z
  .strictObject({
    workflow: z.string().min(1).max(200),
    version: versionNumber.optional().meta({ description: 'Without one, the one in force.' }),
    input: z.unknown().optional().meta({ description: 'As the workflow takes it.' }),
    goal: goalOption,
    ...runOptions,
    deadlineAt: z.iso.datetime({ offset: true }).optional().meta({
      description:
        'When it is cancelled if it has not ended. If its workflow has a deadline, too, the earlier counts.',
    }),
    attended: z.boolean().default(false).meta({ description: 'Whether a person waits for it.' }),
    rehearsal: z.boolean().default(false).meta({
      description: 'Playbooks behind simulated model calls, and no writes.',
    }),
    speed: z.int().min(1).max(1_000).optional().meta({
      description: 'Of a rehearsal: how many times as fast its simulated calls go.',
    }),
    plan: hexDigest.optional().meta({ description: 'Hash of the plan that it must keep to.' }),
  })
  .refine(({ rehearsal, speed }) => rehearsal || speed === undefined, {
    path: ['speed'],
    error: 'is for rehearsals',
  });
const keyBody = z.strictObject({ key: runOptions.key }).optional();
const cancelBody = z
  .strictObject({
    step: z.string().min(1).max(500).optional().meta({
      description: 'The path of one step; without it the whole run ends.',
    }),
    subtree: z.boolean().optional().meta({
      description: 'Whether what waits for the step is cancelled, too.',
    }),
  })
  .refine(
    ({ step, subtree }) => subtree === undefined || step !== undefined,
    'subtree needs a step',
  )
  .optional();

/** `/v1/runs`: what there is, starting, cancelling, pausing, looking. */
export function runRoutes(parts: CompleteParts): readonly Route[] {
  return [
    ...readingRoutes(parts),
    ...[startRoute(parts), retryRoute(parts), changeRoute(parts)],
    ...steeringRoutes(parts),
  ];
}

/** What of a run can be changed. */
function partOf({ priority }: Pick<RunDetail, 'priority'>) {
  return { priority };
}

function changeable(history: CompleteParts['history']) {
  return async (call: {
    readonly tenantId: number;
    readonly params: { readonly id: string };
    readonly principal: Principal;
  }) => partOf(await history.detail(call.tenantId, call.params.id, call.principal));
}

function changeRoute({ history, engine }: CompleteParts): Route {
  return defineRoute({
    method: 'patch',
    path: '/v1/runs/:id',
    summary: 'Changes the priority of a run that lives.',
    description:
      'Its owner does so within a second, also for what is in the ready queue. `If-Match` takes the `ETag` of the run.',
    permission: 'runs:steer',
    body: z.strictObject({ priority: runOptions.priority.unwrap() }),
    answers: { 202: runShape },
    errors: ['RUN_UNKNOWN', 'RUN_ENDED', 'ENGINE_STOPPED'],
    current: changeable(history),
    handle: async ({ tenantId, params, body: { priority }, actor, principal }) => {
      const { id } = await history.head(tenantId, params.id, principal);
      await engine.ask({ tenantId, runId: id, kind: 'priority', priority, actor });
      const body = await history.head(tenantId, id);
      return { ...accepted(`/v1/runs/${id}`, body), current: { priority } };
    },
  });
}

function readingRoutes({ history }: CompleteParts): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/runs',
      summary: 'Lists runs, newest first.',
      permission: 'runs:read',
      query: runsQuery,
      answers: { 200: listOf(runShape) },
      handle: async ({ tenantId, query, principal: sight }) => {
        const { cursor: before, limit, from, to, ...named } = query;
        const span = { from: from ? new Date(from) : undefined, to: to ? new Date(to) : undefined };
        const asked = { ...named, ...span, before, limit: limit + 1, sight };
        return ok(pageOf(await history.runs(tenantId, asked), limit, (run) => run.id));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/runs/:id',
      summary: 'Shows a run, with what it has come to so far.',
      permission: 'runs:read',
      answers: { 200: runDetailShape },
      errors: ['RUN_UNKNOWN'],
      current: changeable(history),
      isTaggedInPart: true,
      handle: async ({ tenantId, params, principal }) => {
        const head = await history.detail(tenantId, params.id, principal);
        const summary = await history.summary(tenantId, head);
        return ok({ ...head, summary }, partOf(head));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/runs/:id/steps',
      summary: 'Lists the steps of a run, by id.',
      permission: 'runs:read',
      query: rowsQuery,
      answers: { 200: listOf(stepShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, params, principal, query: { cursor, limit } }) => {
        const { id } = await history.head(tenantId, params.id, principal);
        const after = cursor !== undefined && { after: cursor };
        const rows = await history.steps(tenantId, id, { limit: limit + 1, ...after });
        return ok(pageOf(rows, limit, (step) => String(step.id)));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/runs/:id/entries',
      summary: 'Lists the entries of a run’s journal, in their order.',
      description: 'The same that `/v1/runs/{id}/events` streams while it goes on.',
      permission: 'runs:read',
      query: rowsQuery,
      answers: { 200: listOf(entryShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, params, principal, query: { cursor, limit } }) => {
        const { id } = await history.head(tenantId, params.id, principal);
        const from = { after: cursor ?? 0, limit: limit + 1 };
        const rows = await history.entries(tenantId, id, from);
        return ok(pageOf(rows, limit, (entry) => String(entry.seq)));
      },
    }),
  ];
}

function startRoute(parts: CompleteParts): Route {
  const { history, engine, registry, runDefaults } = parts;
  return defineRoute({
    method: 'post',
    path: '/v1/runs',
    summary: 'Starts a run of a workflow.',
    permission: 'runs:start',
    body: runBody,
    key: 'required',
    answers: { 202: runShape },
    errors: [
      ...(['WORKFLOW_UNKNOWN', 'WORKFLOW_INVALID', 'EXPRESSION_INVALID', 'KEY_REUSED'] as const),
      ...(['PLAN_CHANGED', 'ENGINE_STOPPED', 'RUN_UNKNOWN'] as const),
    ],
    handle: async ({ tenantId, body, key, actor, principal, signal, demand }) => {
      const module = registry.workflows.get(body.workflow)?.module ?? null;
      demand({ module, company: body.company ?? null });
      const { workflow, version, input, goal, attended, rehearsal, speed, plan, deadlineAt } = body;
      const run: RunRequest = {
        ...{ tenantId, actor, key, workflow, input, attended, rehearsal },
        ...readOptions(body, runDefaults),
        ...(speed !== undefined && { speed }),
        ...(version !== undefined && { version }),
        ...(goal !== undefined && { goal }),
        ...(deadlineAt !== undefined && { deadlineAt: new Date(deadlineAt) }),
      };
      const bound = plan === undefined ? run : await bind(parts, run, { plan, signal });
      const see = (run: string) => history.head(tenantId, run, principal);
      const { id } = await byOwnKey(() => engine.startRun(bound), see);
      // The key may be that of a run which this caller may not see.
      return accepted(`/v1/runs/${id}`, await see(id));
    },
  });
}

function retryRoute({ history, engine }: CompleteParts): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/runs/:id/retry',
    summary: 'Does again what has failed of a run that has ended, in a new run.',
    description:
      'The new run begins with what succeeded, writes nothing twice, and is the one at `Location`.',
    permission: 'runs:steer',
    key: 'required',
    body: keyBody,
    answers: { 202: runShape },
    errors: [
      ...(['RUN_UNKNOWN', 'RUN_UNFINISHED', 'RETRY_REFUSED', 'KEY_REUSED'] as const),
      ...(['WORKFLOW_UNKNOWN', 'WORKFLOW_INVALID', 'EXPRESSION_INVALID'] as const),
      'ENGINE_STOPPED',
    ],
    handle: async ({ tenantId, params, key, actor, principal }) => {
      const see = (run: string) => history.head(tenantId, run, principal);
      const former = await see(params.id);
      const retry = { tenantId, runId: former.id, key, actor };
      const { id } = await byOwnKey(() => engine.retryRun(retry), see);
      return accepted(`/v1/runs/${id}`, await see(id));
    },
  });
}

function steeringRoutes({ history, engine }: CompleteParts): readonly Route[] {
  const answers = { 202: runShape };
  const turns = {
    pause: 'Lets a run start nothing more until it is resumed.',
    resume: 'Lets a paused run go on.',
  };
  return [
    defineRoute({
      method: 'post',
      path: '/v1/runs/:id/cancel',
      summary: 'Cancels a run, or one step of it.',
      permission: 'runs:steer',
      body: cancelBody,
      answers,
      errors: ['RUN_UNKNOWN', 'STEP_UNKNOWN', 'ENGINE_STOPPED'],
      handle: async ({ tenantId, params, body, actor, principal }) => {
        const { step, subtree } = body ?? {};
        const head = await history.head(tenantId, params.id, principal);
        // Ended before: the wish has come true.
        if (head.endedAt === null)
          await engine.ask({ tenantId, runId: head.id, kind: 'cancel', step, subtree, actor });
        return accepted(`/v1/runs/${head.id}`, await history.head(tenantId, head.id));
      },
    }),
    ...(['pause', 'resume'] as const).map((kind) =>
      defineRoute({
        method: 'post',
        path: `/v1/runs/:id/${kind}`,
        summary: turns[kind],
        permission: 'runs:steer',
        body: emptyBody,
        answers,
        errors: ['RUN_UNKNOWN', 'RUN_ENDED', 'ENGINE_STOPPED'],
        handle: async ({ tenantId, params, actor, principal }) => {
          const { id } = await history.head(tenantId, params.id, principal);
          await engine.ask({ tenantId, runId: id, kind, actor });
          return accepted(`/v1/runs/${id}`, await history.head(tenantId, id));
        },
      }),
    ),
  ];
}

/** @throws PLAN_CHANGED · INPUT_INVALID where nothing can be bound */
async function bind(
  { planner }: CompleteParts,
  run: RunRequest,
  { plan, signal }: { readonly plan: string; readonly signal: AbortSignal },
): Promise<RunRequest> {
  if (planner) return planner.bind(run, plan, signal);
  throw new EngineError('INPUT_INVALID', 'Here no run can be bound to a plan; leave `plan` out.');
}
