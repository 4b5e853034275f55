import { z } from 'zod';
import type { StopStore } from '../../../engine/authority/stop-store.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import { withinReach } from '../reach.ts';
import { type Call, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, listOf } from '../shapes.ts';

const stopsQuery = z.strictObject({
  all: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Whether those that were lifted, too.' }),
});
const reasonBody = z.strictObject({ reason: z.string().trim().max(2_000).optional() });

const stopShape = z
  .object({
    id: z.string(),
    reach: z
      .string()
      .meta({ description: '`all`, `tenant`, `module:finance`, `agent:finance.match`.' }),
    reason: z.string(),
    actor: actorShape,
    at: z.iso.datetime(),
    liftedBy: actorShape.nullable().meta({ description: 'Null while it stands.' }),
    liftedAt: z.iso.datetime().nullable(),
    liftReason: z.string().nullable(),
  })
  .meta({ id: 'Stop' });

/** `/v1/stops`: what is stopped. A stop is set by PUT and lifted by DELETE of its reach: `all`, `tenant`, `module:finance`. */
export function stopRoutes(stops: StopStore): readonly Route[] {
  const path = '/v1/stops/:reach';
  const found = (call: Call<{ readonly reach: string }, unknown, unknown>) => {
    const { tenantId, params, demand } = call;
    demandReach(demand, params.reach);
    return stops.standing(tenantId, params.reach);
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/stops',
      summary: 'Lists what is stopped.',
      permission: 'authority:read',
      query: stopsQuery,
      answers: { 200: listOf(stopShape) },
      handle: async ({ tenantId, principal, query }) => {
        const all = await stops.list(tenantId, { all: query.all === 'true' });
        const reader = { principal, permission: 'authority:read' } as const;
        const items = withinReach(all, reader, ({ reach }) => readReachOf(reach));
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'put',
      path,
      summary: 'Stops all, the tenant, a module or an agent within a second.',
      description:
        'Nothing of what it reaches starts or writes any more, on any engine. One that stands already stays as it is. `all` needs the permission `tenants:write`, `tenant` that no module is out of reach.',
      permission: 'authority:stop',
      body: reasonBody,
      answers: { 200: stopShape },
      current: found,
      handle: async ({ tenantId, actor, params: { reach }, body: { reason }, demand }) => {
        demandReach(demand, reach);
        return ok(await stops.stop({ tenantId, reach, actor, reason }));
      },
    }),
    defineRoute({
      method: 'delete',
      path,
      summary: 'Lifts a stop: what waited goes on.',
      permission: 'authority:lift',
      answers: { 200: stopShape },
      errors: ['STOP_UNKNOWN'],
      current: found,
      handle: async ({ tenantId, actor, params: { reach }, demand }) => {
        demandReach(demand, reach);
        return ok(await stops.lift({ tenantId, reach, actor }), null);
      },
    }),
  ];
}

/** Refuses whoever may not stop or lift what a reach names. @throws PERMISSION_DENIED */
function demandReach(demand: Call<never, never, never>['demand'], reach: string): void {
  if (reach === 'all') demand({}, 'tenants:write');
  // It stops the work of every company.
  demand({ module: moduleOfReach(reach), company: null });
}

/** Whoever is stopped by it may know: a stop of all reaches everybody. */
function readReachOf(reach: string): { readonly module?: string | null } {
  const module = moduleOfReach(reach);
  return module === null ? {} : { module };
}

function moduleOfReach(reach: string): string | null {
  const [kind, name] = [reach.split(':', 1)[0], reach.slice(reach.indexOf(':') + 1)];
  if (kind === 'module') return name;
  return kind === 'agent' ? moduleOf(name) : null;
}
