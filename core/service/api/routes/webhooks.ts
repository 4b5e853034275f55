import { z } from 'zod';
import { isAllowed, type Reach } from '../../identity/principal.ts';
import type { DeliveryLog } from '../../webhooks/delivery-log.ts';
import type { EndpointInput, EndpointView, Webhooks } from '../../webhooks/endpoints.ts';
import { type WebhookEventType, webhookEventTypes } from '../../webhooks/event-types.ts';
import { pageOf, paging } from '../request.ts';
import { accepted, type Call, created, defineRoute, nothing, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

const eventType = z
  .enum(webhookEventTypes as readonly [WebhookEventType, ...WebhookEventType[]])
  .meta({ id: 'WebhookEventType' });
const names = z.array(z.string().min(1).max(100)).max(100);

const fields = {
  about: z.string().max(200),
  types: z.array(eventType).max(100).meta({ description: 'Empty: all.' }),
  modules: names.meta({ description: 'Empty: all, and what belongs to none.' }),
  companies: names.meta({ description: 'Codes. Empty: all, and what belongs to none.' }),
  concurrency: z.int().min(1).max(4).meta({ description: 'Deliveries at once.' }),
};

const url = z.string().min(1).max(2_000);
const addBody = z.strictObject({ url, ...partial(fields) });
const changeBody = z.strictObject({
  url: url.optional(),
  ...partial(fields),
  disabled: z.boolean().optional(),
});
const rotateBody = z.strictObject({
  overlapHours: z
    .number()
    .min(0)
    .max(720)
    .optional()
    .meta({ description: 'How long the secret before signs, too. 24 if it is left out.' }),
});

function partial<S extends Readonly<Record<string, z.ZodType>>>(shape: S) {
  return z.object(shape).partial().shape;
}

const instant = z.iso.datetime();

const webhookShape = z
  .object({
    id: z.uuid(),
    url: z.string(),
    ...fields,
    disabledAt: instant.nullable(),
    disabledBy: z.enum(['person', 'gone', 'unreachable']).nullable().meta({
      description:
        'gone: it answered 410. unreachable: it took nothing for the whole schedule of a delivery.',
    }),
    lastSuccessAt: instant.nullable(),
    pending: z.int().meta({ description: 'Deliveries that wait.' }),
    createdAt: instant,
  })
  .meta({ id: 'Webhook' });

const newWebhookShape = z
  .object({
    webhook: webhookShape,
    secret: z.string().meta({ description: 'Shown this once: what signatures are verified with.' }),
  })
  .meta({ id: 'NewWebhook' });

const delivery = {
  id: z.uuid(),
  messageId: z.string().meta({ description: 'The header webhook-id.' }),
  webhookId: z.uuid(),
  type: z.string(),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  nextAt: instant.nullable(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  createdAt: instant,
  endedAt: instant.nullable(),
};
const deliveryShape = z.object(delivery).meta({ id: 'Delivery' });
const attemptShape = z.object({
  no: z.int(),
  beganAt: instant,
  durationMs: z.int().nullable(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  answer: z.string().nullable(),
});
const wholeDeliveryShape = z
  .object({ ...delivery, payload: z.unknown(), log: z.array(attemptShape) })
  .meta({ id: 'WholeDelivery' });

const deliveriesQuery = paging(z.uuid(), { usual: 50, most: 200 }).extend({
  webhook: z.uuid().optional(),
  state: z.enum(['pending', 'delivered', 'failed']).optional(),
});

type AnyCall = Pick<Call<unknown, unknown, unknown>, 'demand' | 'tenantId' | 'principal'>;

type Filters = Pick<EndpointInput, 'modules' | 'companies'>;

/** What an endpoint hears of: that of each module and company that it names, or of all of them. */
function reachesOf({ modules = [], companies = [] }: Filters): readonly Reach[] {
  return [
    ...(modules.length > 0 ? modules : [null]).map((module) => ({ module })),
    ...(companies.length > 0 ? companies : [null]).map((company) => ({ company })),
  ];
}

/** Whoever lets an endpoint hear of a module or company, or looks at what it was told, must be allowed to see that. */
function demandFilters({ demand }: AnyCall, filters: Filters): void {
  for (const reach of reachesOf(filters)) demand(reach);
}

/** The endpoints of which a caller may see all that they hear of. */
async function seenBy(webhooks: Webhooks, { tenantId, principal }: AnyCall) {
  const all = await webhooks.list(tenantId);
  return all.filter((each) =>
    reachesOf(each).every((reach) => isAllowed(principal, 'webhooks:read', reach)),
  );
}

/** An endpoint, for whoever may see all that it hears of. @throws WEBHOOK_UNKNOWN · PERMISSION_DENIED */
async function demanded(webhooks: Webhooks, call: AnyCall, id: string): Promise<EndpointView> {
  const endpoint = await webhooks.get(call.tenantId, id);
  demandFilters(call, endpoint);
  return endpoint;
}

/** What the routes are made of. */
export interface WebhookDesk {
  readonly webhooks: Webhooks;
  readonly log: DeliveryLog;
}

/** `/v1/webhooks` and `/v1/deliveries`: who is told of what happens, and what became of it. */
export function webhookRoutes({ webhooks, log }: WebhookDesk): readonly Route[] {
  return [
    ...endpointRoutes(webhooks),
    ...commandRoutes(webhooks),
    ...deliveryRoutes({ webhooks, log }),
  ];
}

function endpointRoutes(webhooks: Webhooks): readonly Route[] {
  const path = '/v1/webhooks/:id';
  return [
    defineRoute({
      method: 'get',
      path: '/v1/webhooks',
      summary: 'Lists the webhook endpoints.',
      permission: 'webhooks:read',
      answers: { 200: listOf(webhookShape) },
      handle: async (call) => ok({ items: await seenBy(webhooks, call), next: null }),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/webhooks',
      summary: 'Makes a webhook endpoint, and shows its secret this once.',
      permission: 'webhooks:write',
      body: addBody,
      answers: { 201: newWebhookShape },
      errors: ['EGRESS_REFUSED'],
      handle: async (call) => {
        demandFilters(call, call.body);
        const made = await webhooks.add(call, call.body);
        return created(`/v1/webhooks/${made.webhook.id}`, made);
      },
    }),
    defineRoute({
      method: 'get',
      path,
      summary: 'Shows a webhook endpoint.',
      permission: 'webhooks:read',
      answers: { 200: webhookShape },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => ok(await demanded(webhooks, call, call.params.id)),
    }),
    defineRoute({
      method: 'patch',
      path,
      summary: 'Changes a webhook endpoint, or disables or enables it.',
      permission: 'webhooks:write',
      body: changeBody,
      answers: { 200: webhookShape },
      errors: ['WEBHOOK_UNKNOWN', 'EGRESS_REFUSED'],
      handle: async (call) => {
        const before = await demanded(webhooks, call, call.params.id);
        demandFilters(call, { ...before, ...call.body });
        return ok(await webhooks.change(call, before.id, call.body));
      },
    }),
    defineRoute({
      method: 'delete',
      path,
      summary: 'Removes a webhook endpoint with its deliveries.',
      permission: 'webhooks:write',
      answers: { 204: null },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => {
        await demanded(webhooks, call, call.params.id);
        await webhooks.remove(call, call.params.id);
        return nothing;
      },
    }),
  ];
}

function commandRoutes(webhooks: Webhooks): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/webhooks/:id/rotate',
      summary: 'Gives a webhook endpoint a new secret; the one before signs, too, for a while.',
      permission: 'webhooks:write',
      body: rotateBody,
      answers: { 200: newWebhookShape },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => {
        await demanded(webhooks, call, call.params.id);
        return ok(await webhooks.rotate(call, call.params.id, call.body));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/webhooks/:id/ping',
      summary: 'Sends the event ping to a webhook endpoint.',
      permission: 'webhooks:write',
      answers: { 202: z.object({ delivery: z.uuid() }) },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => {
        await demanded(webhooks, call, call.params.id);
        const delivery = await webhooks.ping(call, call.params.id);
        return accepted(`/v1/deliveries/${delivery}`, { delivery });
      },
    }),
  ];
}

function deliveryRoutes({ webhooks, log }: WebhookDesk): readonly Route[] {
  const found = async (call: AnyCall & { readonly params: { readonly id: string } }) => {
    const whole = await log.get(call.tenantId, call.params.id);
    await demanded(webhooks, call, whole.webhookId);
    return whole;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/deliveries',
      summary: 'Lists deliveries to webhook endpoints, newest first.',
      permission: 'webhooks:read',
      query: deliveriesQuery,
      answers: { 200: listOf(deliveryShape) },
      handle: async (call) => {
        const { webhook, state, cursor, limit } = call.query;
        const asked = { webhookId: webhook, state, after: cursor, limit: limit + 1 };
        const { items, next } = pageOf(await log.list(call.tenantId, asked), limit, ({ id }) => id);
        const seen = new Set((await seenBy(webhooks, call)).map(({ id }) => id));
        return ok({ items: items.filter(({ webhookId }) => seen.has(webhookId)), next });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/deliveries/:id',
      summary: 'Shows a delivery with its payload and every attempt.',
      permission: 'webhooks:read',
      answers: { 200: wholeDeliveryShape },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => ok(await found(call)),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/deliveries/:id/replay',
      summary: 'Delivers again, under the same message id, from the beginning of the schedule.',
      permission: 'webhooks:write',
      answers: { 202: wholeDeliveryShape },
      errors: ['WEBHOOK_UNKNOWN'],
      handle: async (call) => {
        await found(call);
        const whole = await log.replay(call, call.params.id);
        return accepted(`/v1/deliveries/${whole.id}`, whole);
      },
    }),
  ];
}
