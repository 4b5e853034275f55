import { z } from 'zod';
import type { AuthorityViews } from '../../../engine/authority/views.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import { withinReach } from '../reach.ts';
import { entryCursor, pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

const shadowQuery = paging(entryCursor, { usual: 200, most: 1_000 }).extend({
  run: z.uuid().optional(),
});
const levelShape = z
  .object({
    agent: z.string(),
    tool: z.string(),
    company: z.string().nullable().meta({ description: 'Null for runs over the whole group.' }),
    autonomy: z.enum(['observe', 'propose', 'approve', 'act']),
    by: z.string().meta({ description: '`setting`, the names of policies, or `default`.' }),
  })
  .meta({ id: 'AutonomyLevel' });
const shadowShape = z
  .object({
    runId: z.string(),
    seq: z.int(),
    step: z.int(),
    at: z.iso.datetime(),
    company: z.string().nullable().meta({ description: 'The run’s; null: the whole group.' }),
    agent: z.string().nullable(),
    tool: z.string(),
    entity: z.string().nullable(),
    targetId: z.string().nullable(),
    args: z.unknown().meta({ description: 'Null when they were erased.' }),
    would: z.enum(['write', 'propose', 'approve']),
    since: z
      .enum(['same', 'changed', 'unchanged', 'unknown'])
      .meta({ description: 'What has become of the record since.' }),
  })
  .meta({ id: 'ShadowEffect' });

/** `/v1/autonomy` and `/v1/shadow`; both are set by `/v1/settings/autonomy` and `/v1/settings/shadow`. */
export function authorityRoutes(views: AuthorityViews): readonly Route[] {
  const permission = 'authority:read';
  return [
    defineRoute({
      method: 'get',
      path: '/v1/autonomy',
      summary: 'Lists how far each agent may go with each of its tools, and who says so.',
      description: 'It is set by `PUT /v1/settings/autonomy`.',
      permission,
      answers: { 200: listOf(levelShape) },
      handle: async ({ tenantId, principal }) => {
        const all = await views.levels(tenantId);
        const items = withinReach(all, { principal, permission }, ({ agent, company }) => ({
          module: moduleOf(agent),
          company,
        }));
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/shadow',
      summary: 'Lists what agents in the shadow would have done, and what the ERP says of it now.',
      description:
        'Those of the newest run first, and of each run the newest first. Who is in the shadow is set by `PUT /v1/settings/shadow`.',
      permission,
      query: shadowQuery,
      answers: { 200: listOf(shadowShape) },
      handle: async ({ tenantId, principal: sight, query: { run, cursor, limit } }) => {
        const [last, seq] = cursor?.split('/') ?? [];
        const rows = await views.shadow(tenantId, {
          ...{ limit: limit + 1, sight },
          ...(run !== undefined && { runId: run }),
          ...(last !== undefined && { after: { runId: last, seq: Number(seq) } }),
        });
        return ok(pageOf(rows, limit, (effect) => `${effect.runId}/${effect.seq}`));
      },
    }),
  ];
}
