import { Router } from 'express';
import { z } from 'zod';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import { largestPostBytes } from '../../hooks/bodies.ts';
import type { EventView, HookStore } from '../../hooks/hook-store.ts';
import type { HookReceiver } from '../../hooks/receive.ts';
import { isAllowed, type Principal, type Reach } from '../../identity/principal.ts';
import { withinReach } from '../reach.ts';
import { pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { actorShape, failureShape, listOf } from '../shapes.ts';

/** Hooks and the ERP events that fire them. */
export interface HookDesk {
  readonly store: HookStore;
  readonly receiver: HookReceiver;
}

const states = [
  'pending',
  'waiting',
  'claimed',
  'starting',
  'started',
  'skipped',
  'merged',
  'dead',
] as const;

const hookShape = z
  .object({
    name: z.string().meta({ description: '`module.hook`' }),
    module: z.string(),
    about: z.string(),
    entity: z.string().nullable(),
    types: z.array(z.string()),
    when: z.string().nullable().meta({ description: 'CEL over `event` and `record`.' }),
    edge: z.literal('becomes').nullable(),
    debounceMs: z.int(),
    workflow: z.string(),
    priority: z.int(),
    paused: z
      .object({ actor: actorShape, reason: z.string(), at: z.iso.datetime() })
      .nullable()
      .meta({ description: 'Null: it fires.' }),
    waiting: z.int().meta({ description: 'Firings that have not ended.' }),
    dead: z.int().meta({ description: 'Firings that nothing more is tried for.' }),
  })
  .meta({ id: 'Hook' });

const firingShape = z
  .object({
    id: z.string(),
    hook: z.string(),
    state: z.enum(states),
    dueAt: z.iso.datetime(),
    attempts: z.int(),
    events: z.int().meta({ description: 'How many events it stands for.' }),
    isReplay: z.boolean(),
    version: z.string().nullable().meta({ description: 'Of the record, as it was read.' }),
    runId: z.string().nullable(),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why it was skipped: `condition`, `still` or `gone`; `replayed`.' }),
    error: failureShape.nullable(),
    endedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Firing' });

const eventShape = z
  .object({
    id: z.string(),
    source: z.string().meta({ description: 'Who sent it; `sweep`: nobody told of it.' }),
    key: z.string().meta({ description: 'What tells it from all others of its source.' }),
    type: z.string().nullable(),
    entity: z.string().nullable(),
    recordId: z.string().nullable(),
    version: z.string().nullable(),
    occurredAt: z.iso.datetime().nullable(),
    receivedAt: z.iso.datetime(),
    firings: z.array(firingShape).meta({ description: 'Empty: no hook listened.' }),
  })
  .meta({ id: 'ErpEvent' });

const eventsQuery = paging(z.uuid(), { usual: 50, most: 500 }).extend({
  source: z.string().max(100).optional(),
  hook: z.string().max(200).optional(),
  state: z.enum(states).optional().meta({ description: 'With a firing in this state.' }),
});
const replayBody = z.strictObject({
  hook: z
    .string()
    .max(200)
    .optional()
    .meta({ description: 'Only this one. Default: those whose firing is dead, else all.' }),
});
const reasonBody = z.strictObject({ reason: z.string().trim().max(2_000).optional() });
const recordedShape = z
  .object({
    recorded: z.int().meta({ description: 'Events that were new.' }),
    duplicates: z.int().meta({ description: 'Events that are on record already.' }),
  })
  .meta({ id: 'RecordedEvents' });

/** `/v1/hooks`: which ERP events start what, what came, and what became of it. */
export function hookRoutes({ store, receiver }: HookDesk): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/hooks',
      summary: 'Lists the hooks of the loaded modules.',
      permission: 'hooks:read',
      answers: { 200: listOf(hookShape) },
      handle: async ({ tenantId, principal }) => {
        const all = await store.list(tenantId);
        const reader = { principal, permission: 'hooks:read' } as const;
        return ok({ items: withinReach(all, reader, ({ module }) => ({ module })), next: null });
      },
    }),
    ...eventRoutes(store),
    ...steeringRoutes(store),
    defineRoute({
      method: 'post',
      path: '/v1/hooks/:source',
      summary: 'Takes ERP events from a source of the configuration.',
      description: `Not for API keys: the post proves itself as the source's \`verify\` says. The body is a CloudEvent 1.0 (binary, structured or a batch), or JSON that the source's mapping reads, of at most ${largestPostBytes} bytes. Events that are on record already are answered alike. See docs/hooks.md.`,
      permission: null,
      isUncounted: true,
      answers: { 200: { type: 'application/json' }, 202: recordedShape },
      errors: [
        'HOOK_UNKNOWN',
        'HOOK_REFUSED',
        'BODY_TOO_LARGE',
        'MEDIA_UNSUPPORTED',
        'INPUT_INVALID',
        'EXPRESSION_INVALID',
        'RATE_LIMITED',
        'TENANT_SUSPENDED',
      ],
      handle: async ({ request, response }) => {
        await receiver.receive(request, response);
        return undefined;
      },
    }),
  ];
}

function eventRoutes(store: HookStore): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/erp-events',
      summary: 'Lists the ERP events that came, the newest first.',
      permission: 'hooks:read',
      query: eventsQuery,
      answers: { 200: listOf(eventShape) },
      handle: async ({ tenantId, principal, query: { cursor, limit, ...asked } }) => {
        const found = await store.events(tenantId, { ...asked, before: cursor, limit: limit + 1 });
        const { items, next } = pageOf(found, limit, ({ id }) => id);
        return ok({ items: items.flatMap((event) => seenBy(principal, event) ?? []), next });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/erp-events/:id',
      summary: 'Shows an ERP event and what became of it.',
      permission: 'hooks:read',
      answers: { 200: eventShape },
      errors: ['HOOK_UNKNOWN'],
      handle: async ({ tenantId, params, principal, demand }) => {
        const event = seenBy(principal, await store.event(tenantId, params.id));
        if (event === null) demand({ module: null });
        return ok(event);
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/erp-events/:id/replay',
      summary: 'Fires again for an ERP event.',
      description:
        'Exempt from deduplication on purpose: for a change that has started a run it starts another one, if the condition holds now.',
      permission: 'hooks:write',
      body: replayBody,
      answers: { 200: eventShape },
      errors: ['HOOK_UNKNOWN'],
      handle: async ({ tenantId, params: { id }, body, actor, principal, demand }) => {
        const mayFire = (hook: string): void => demand(reachOf(hook));
        const event = await store.replay({ tenantId, id, hook: body.hook, actor, mayFire });
        return ok(seenBy(principal, event));
      },
    }),
  ];
}

function steeringRoutes(store: HookStore): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/hooks/:hook/pause',
      summary: 'Lets the firings of a hook wait; events are recorded as ever.',
      permission: 'hooks:write',
      body: reasonBody,
      answers: { 200: hookShape },
      errors: ['HOOK_UNKNOWN'],
      handle: async ({ tenantId, params: { hook }, body: { reason }, actor, demand }) => {
        demand(reachOf(hook));
        return ok(await store.pause({ tenantId, hook, actor, reason }));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/hooks/:hook/resume',
      summary: 'Lets a hook fire again; what has waited fires, once for each record.',
      permission: 'hooks:write',
      answers: { 200: hookShape },
      errors: ['HOOK_UNKNOWN'],
      handle: async ({ tenantId, params: { hook }, actor, demand }) => {
        demand(reachOf(hook));
        return ok(await store.resume({ tenantId, hook, actor }));
      },
    }),
  ];
}

/** Whoever steers a hook does so for every company. */
function reachOf(hook: string): Reach {
  return { module: moduleOf(hook), company: null };
}

/** An event with the firings that its reader may look at; null: it has none of those, and they may not look at all. */
function seenBy(principal: Principal, event: EventView): EventView | null {
  if (principal.modules === null) return event;
  const firings = event.firings.filter(({ hook }) =>
    isAllowed(principal, 'hooks:read', { module: moduleOf(hook) }),
  );
  return firings.length === 0 ? null : { ...event, firings };
}

/** Serves the posts of sources before anything that is about callers with keys: they prove themselves. */
export function receiveHooks({ receiver }: HookDesk): Router {
  const router = Router();
  const path = '/v1/hooks/:source';
  router.options(path, (request, response) => receiver.allow(request, response));
  router.post(path, (request, response) => receiver.receive(request, response));
  return router;
}
