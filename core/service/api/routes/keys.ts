import { z } from 'zod';
import { demandPower } from '../../identity/grant.ts';
import type { Identity } from '../../identity/identity.ts';
import { usualKeyDays } from '../../identity/key-view.ts';
import type { KeyRequest } from '../../identity/keys.ts';
import { type Role, roleNames } from '../../identity/permission.ts';
import { wholeReach } from '../reach.ts';
import { type Call, created, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, instant, listOf } from '../shapes.ts';

const hourMs = 3_600_000;
const usualOverlapHours = 24;

const roleList = z.array(z.enum(roleNames as [Role, ...Role[]]));
const names = z.array(z.string().min(1).max(200)).max(1_000).nullable();
const days = z.int().min(1).max(3_650).nullable();

const keyBody = z.strictObject({
  name: z.string().trim().min(1).max(200).meta({ description: 'What it is for.' }),
  roles: roleList.min(1),
  modules: names.default(null).meta({ description: 'The modules that it may touch; null: all.' }),
  companies: names.default(null).meta({ description: 'The companies; null: all.' }),
  person: z.string().min(1).max(100).nullable().default(null).meta({
    description: 'Whom it stands for. Only a key that stands for a person decides approvals.',
  }),
  rate: z.string().min(1).max(100).nullable().default(null).meta({
    description: 'The name of a rate of the configuration; null: its roles say which.',
  }),
  days: days.default(usualKeyDays).meta({ description: 'How long it works; null: for ever.' }),
  tenant: z.string().max(63).optional().meta({
    description: 'Another tenant, for which `tenants:write` is needed.',
  }),
});
const rotateBody = z
  .strictObject({
    overlapHours: z
      .number()
      .min(0)
      .max(24 * 90)
      .default(usualOverlapHours)
      .meta({ description: 'How long the old text works on; 0: it works no more.' }),
    days: days.optional().meta({ description: 'How long it works from now; else as before.' }),
  })
  .default({ overlapHours: usualOverlapHours });
const deniedBody = z.strictObject({
  issuer: z.string().min(1).max(500),
  id: z.string().min(1).max(500).meta({ description: 'Its `jti`.' }),
  until: instant.meta({ description: 'When it expires by itself.' }),
});

const keyShape = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().meta({ description: 'How its text begins, after `tutti_`.' }),
    state: z.enum(['active', 'expired', 'revoked']),
    roles: roleList,
    modules: z.array(z.string()).nullable(),
    companies: z.array(z.string()).nullable(),
    person: z.string().nullable(),
    rate: z.string().nullable(),
    madeBy: actorShape,
    madeAt: instant,
    expiresAt: instant.nullable(),
    revokedAt: instant.nullable(),
    lastUsedAt: instant.nullable().meta({ description: 'To the minute.' }),
    oldUntil: instant.nullable().meta({ description: 'Until when the text before works.' }),
  })
  .meta({ id: 'ApiKey' });
const shownShape = z
  .object({
    key: keyShape,
    secret: z.string().meta({ description: 'The key itself; it is never shown again.' }),
  })
  .meta({ id: 'ShownApiKey' });
const deniedShape = z
  .object({ issuer: z.string(), id: z.string(), until: instant })
  .meta({ id: 'DeniedToken' });

/** `/v1/keys`: who may call, by key; and the tokens of issuers that are taken back. */
export function keyRoutes(identity: Identity): readonly Route[] {
  return [...readingRoutes(identity), ...makingRoutes(identity), ...tokenRoutes(identity)];
}

function readingRoutes({ keys }: Identity): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/keys',
      summary: 'Lists the API keys of the tenant, the newest first.',
      permission: 'keys:read',
      answers: { 200: listOf(keyShape) },
      handle: async ({ tenantId }) => ok({ items: await keys.list(tenantId), next: null }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/keys/:id',
      summary: 'Shows an API key, without what it takes to use it.',
      permission: 'keys:read',
      answers: { 200: keyShape },
      errors: ['API_KEY_UNKNOWN'],
      handle: async ({ tenantId, params: { id } }) => ok(await keys.get({ tenantId, id })),
    }),
  ];
}

function makingRoutes(identity: Identity): readonly Route[] {
  const { keys } = identity;
  return [
    defineRoute({
      method: 'post',
      path: '/v1/keys',
      summary: 'Makes an API key, and shows it once.',
      description:
        'It may do no more than its maker. A key that decides approvals for somebody else is made on the machine itself: `tutti key create`.',
      permission: 'keys:write',
      body: keyBody,
      answers: { 201: shownShape },
      errors: ['TENANT_UNKNOWN'],
      handle: async (call) => {
        const { days: life, tenant, ...rest } = call.body;
        const request: KeyRequest = { ...rest, expiresAt: keys.expiryIn(life) };
        demandPower(call.principal, request);
        const tenantId = await tenantOf(identity, call, tenant);
        const shown = await keys.create(tenantId, request, call.actor);
        return created(`/v1/keys/${shown.key.id}`, shown);
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/keys/:id/rotate',
      summary: 'Gives an API key a new text, and shows it once; the old one works on for a while.',
      permission: 'keys:write',
      body: rotateBody,
      answers: { 200: shownShape },
      errors: ['API_KEY_UNKNOWN'],
      handle: async ({ tenantId, params: { id }, body, principal, actor }) => {
        demandPower(principal, await keys.get({ tenantId, id }));
        const rotation = {
          ...{ actor, overlapMs: body.overlapHours * hourMs },
          ...(body.days !== undefined && { expiresAt: keys.expiryIn(body.days) }),
        };
        return ok(await keys.rotate({ tenantId, id }, rotation));
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/keys/:id',
      summary: 'Revokes an API key: within a second it works nowhere.',
      description: 'By whoever may touch all modules and companies that it may.',
      permission: 'keys:write',
      answers: { 200: keyShape },
      errors: ['API_KEY_UNKNOWN'],
      handle: async ({ tenantId, params: { id }, actor, demand }) => {
        const { modules, companies } = await keys.get({ tenantId, id });
        for (const module of modules ?? [null]) demand({ module });
        for (const company of companies ?? [null]) demand({ company });
        return ok(await keys.revoke({ tenantId, id }, actor));
      },
    }),
  ];
}

function tokenRoutes({ denied }: Identity): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/denied-tokens',
      summary: 'Lists the tokens of issuers that are refused before they expire.',
      permission: 'keys:read',
      answers: { 200: listOf(deniedShape) },
      handle: async ({ tenantId }) => ok({ items: await denied.list(tenantId), next: null }),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/denied-tokens',
      summary: 'Refuses a token of an issuer from now on.',
      permission: 'keys:write',
      body: deniedBody,
      answers: { 200: deniedShape },
      handle: async ({ tenantId, body, actor }) =>
        ok(await denied.deny(tenantId, { ...body, until: new Date(body.until) }, actor)),
    }),
  ];
}

/** @throws PERMISSION_DENIED · TENANT_UNKNOWN */
async function tenantOf(
  { tenants }: Identity,
  { tenantId, demand }: Call<unknown, unknown, unknown>,
  slug: string | undefined,
): Promise<number> {
  if (slug === undefined) return tenantId;
  demand(wholeReach, 'tenants:write');
  return (await tenants.find(slug)).id;
}
