import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { type Permission, permissions, roleNames } from '../../identity/permission.ts';
import { isAllowed, type Principal } from '../../identity/principal.ts';
import type { Tenants } from '../../identity/tenants.ts';
import { wholeReach } from '../reach.ts';
import { created, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, instant, listOf } from '../shapes.ts';

const tenantBody = z.strictObject({
  slug: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
});
const tenantShape = z
  .object({
    slug: z.string(),
    createdAt: instant,
    suspendedAt: instant
      .nullable()
      .meta({ description: 'Null: its callers are let in, and its runs go on.' }),
  })
  .meta({ id: 'Tenant' });
const meShape = z
  .object({
    tenant: z.string(),
    actor: actorShape.meta({ description: 'Who you are in the record of what you do.' }),
    roles: z.array(z.enum(roleNames as [string, ...string[]])),
    permissions: z.array(z.string()),
    modules: z.array(z.string()).nullable().meta({ description: 'Null: all of them.' }),
    companies: z.array(z.string()).nullable().meta({ description: 'Null: all of them.' }),
    hasSession: z
      .boolean()
      .meta({ description: 'Whether you come with a session: GET /v1/sessions/current shows it.' }),
  })
  .meta({ id: 'Me' });

/** `/v1/tenants`: the customers of the installation; `/v1/me`: who is calling. */
export function tenantRoutes({ tenants }: Identity): readonly Route[] {
  return [...readingRoutes(tenants), ...changingRoutes(tenants)];
}

function readingRoutes(tenants: Tenants): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/me',
      summary: 'Says who you are and what you may do.',
      // Every role may read runs: whoever is known at all may ask who they are.
      permission: 'runs:read',
      answers: { 200: meShape },
      handle: async ({ principal, proof }) => {
        const { actor, roles, modules, companies } = principal;
        const allowed = (Object.keys(permissions) as Permission[]).filter((each) =>
          isAllowed(principal, each),
        );
        const tenant = await slugOf(tenants, principal);
        const hasSession = proof?.kind === 'session';
        return ok({ tenant, actor, roles, permissions: allowed, modules, companies, hasSession });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/tenants',
      summary: 'Lists the tenants of the installation.',
      permission: 'tenants:read',
      answers: { 200: listOf(tenantShape) },
      handle: async () => ok({ items: await tenants.list(), next: null }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/tenants/:slug',
      summary: 'Shows a tenant.',
      permission: 'tenants:read',
      answers: { 200: tenantShape },
      errors: ['TENANT_UNKNOWN'],
      handle: async ({ params }) => {
        const { id: _, ...tenant } = await tenants.find(params.slug);
        return ok(tenant);
      },
    }),
  ];
}

function changingRoutes(tenants: Tenants): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/tenants',
      summary: 'Makes a tenant, without anything in it.',
      permission: 'tenants:write',
      body: tenantBody,
      answers: { 201: tenantShape },
      handle: async ({ body: { slug }, actor, demand }) => {
        demand(wholeReach);
        return created(`/v1/tenants/${slug}`, await tenants.create(slug, actor));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/tenants/:slug/suspend',
      summary: 'Refuses the callers of a tenant, and holds its runs, within a second.',
      description:
        'Nothing of it starts or writes any more, on any engine, until it is resumed: then its runs go on where they stood, but those that somebody has paused or stopped.',
      permission: 'tenants:write',
      answers: { 200: tenantShape },
      errors: ['TENANT_UNKNOWN'],
      handle: async ({ params: { slug }, principal, actor, demand }) => {
        demand(wholeReach);
        if (slug === (await slugOf(tenants, principal)))
          throw new EngineError(
            'INPUT_INVALID',
            'This is your own tenant: suspended, it would refuse you as well. On the machine itself: tutti tenant suspend',
          );
        return ok(await tenants.suspend(slug, actor));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/tenants/:slug/resume',
      summary: 'Lets the callers of a tenant in again, and its runs go on.',
      permission: 'tenants:write',
      answers: { 200: tenantShape },
      errors: ['TENANT_UNKNOWN'],
      handle: async ({ params: { slug }, actor, demand }) => {
        demand(wholeReach);
        return ok(await tenants.resume(slug, actor));
      },
    }),
  ];
}

async function slugOf(
  tenants: Tenants,
  { tenantId }: Pick<Principal, 'tenantId'>,
): Promise<string> {
  return (await tenants.known('id', tenantId))?.slug ?? '';
}
