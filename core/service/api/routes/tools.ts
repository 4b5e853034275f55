import { z } from 'zod';
import type { ToolDetail } from '../../../engine/tools/tool-view.ts';
import type { Tools } from '../../../engine/tools/tools.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import { toolCategories } from '../../../sdk/tool-category.ts';
import { withinReach } from '../reach.ts';
import { type Call, defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

const toolsQuery = z.strictObject({
  days: z.coerce
    .number()
    .int()
    .min(1)
    .max(365)
    .default(7)
    .meta({ description: 'Over how many days use is counted, today included.' }),
});
const word = z.string().trim().min(1).max(200);
const grantee = z.union([z.strictObject({ agent: word }), z.strictObject({ role: word })], {
  error: "must be an object with either 'agent' or 'role'",
});

const useShape = z.object({
  calls: z.int(),
  failures: z.int(),
  refusals: z.int().meta({ description: 'Effects that a rule refused.' }),
  effects: z.int(),
  proposals: z.int(),
  medianMs: z.number().nullable(),
  p95Ms: z.number().nullable(),
  lastAt: z.iso.datetime(),
});
const toolShape = z
  .object({
    name: z.string(),
    module: z.string(),
    description: z.string(),
    category: z.enum(toolCategories),
    effect: z.enum(['read', 'propose', 'write', 'send']),
    access: z.enum(['public', 'module', 'restricted']),
    outside: z.array(z.string()).meta({ description: 'What it reaches beyond the ERP.' }),
    limit: z.record(z.string(), z.unknown()).nullable(),
    timeoutMs: z.int(),
    use: useShape.nullable().meta({ description: 'Null: nobody called it.' }),
  })
  .meta({ id: 'ToolSummary' });
const grantShape = z
  .object({
    tools: z.array(z.string()),
    agents: z.array(z.string()).optional(),
    roles: z.array(z.string()).optional(),
  })
  .meta({ id: 'ToolGrant' });
const detailShape = z
  .object({
    ...toolShape.shape,
    parameters: z.unknown().meta({ description: 'A JSON Schema.' }),
    result: z.unknown().meta({ description: 'A JSON Schema.' }),
    reveals: z.array(z.string()),
    sensitive: z.boolean(),
    duty: z.string().nullable(),
    scope: z.string().nullable(),
    undo: z.union([z.object({ action: z.string() }), z.object({ none: z.string() })]).nullable(),
    callers: z.array(
      z.object({
        agent: z.string(),
        by: z.enum(['tool', 'policy', 'grant', 'role', 'nobody']),
      }),
    ),
    grants: z.array(grantShape),
    byAgent: z.array(useShape.extend({ agent: z.string() })),
    byDay: z.array(useShape.extend({ day: z.string() })),
  })
  .meta({ id: 'Tool' });

/** `/v1/tools`: what tools there are, who may use them, and how they are used. A grant is set by POST and taken back by DELETE. */
export function toolRoutes(tools: Tools): readonly Route[] {
  return [...readingRoutes(tools), ...grantRoutes(tools)];
}

function readingRoutes(tools: Tools): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/tools',
      summary: 'Lists the tools, with how they were used.',
      permission: 'agents:read',
      query: toolsQuery,
      answers: { 200: listOf(toolShape) },
      handle: async ({ tenantId, principal, query }) => {
        const all = await tools.list(tenantId, query);
        const reader = { principal, permission: 'agents:read' } as const;
        return ok({ items: withinReach(all, reader, ({ module }) => ({ module })), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/tools/:name',
      summary: 'Shows a tool with its schemas, its callers and its use.',
      permission: 'agents:read',
      query: toolsQuery,
      answers: { 200: detailShape },
      errors: ['TOOL_UNKNOWN'],
      handle: async ({ tenantId, params: { name }, query, demand }) => {
        demand({ module: moduleOf(name) });
        return ok(await tools.show(tenantId, name, query));
      },
    }),
  ];
}

/** What was given of a tool at run time: its use, which changes by itself, is no part of that. */
function grantsOf({ grants }: ToolDetail): object {
  return { items: grants, next: null };
}

function grantRoutes(tools: Tools): readonly Route[] {
  const path = '/v1/tools/:name/grants';
  const errors = ['TOOL_UNKNOWN'] as const;
  const current = async (call: Call<{ readonly name: string }, unknown, unknown>) => {
    const { tenantId, params, demand } = call;
    demand({ module: moduleOf(params.name) });
    return grantsOf(await tools.show(tenantId, params.name));
  };
  return [
    defineRoute({
      method: 'get',
      path,
      summary: 'Lists to whom a tool was given while Tutti runs.',
      permission: 'agents:read',
      answers: { 200: listOf(grantShape) },
      ...{ errors, current },
      handle: async ({ tenantId, params: { name }, demand }) => {
        demand({ module: moduleOf(name) });
        return ok(grantsOf(await tools.show(tenantId, name)));
      },
    }),
    defineRoute({
      method: 'post',
      path,
      summary: 'Gives a tool to an agent, or to whatever works for persons of a role.',
      permission: 'tools:grant',
      body: grantee,
      answers: { 200: detailShape },
      ...{ errors, current },
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand({ module: moduleOf(name) });
        const tool = await tools.grant({ ...body, tenantId, tool: name, actor });
        return ok(tool, grantsOf(tool));
      },
    }),
    defineRoute({
      method: 'delete',
      path,
      summary: 'Takes a tool back that was given with exactly these words.',
      permission: 'tools:grant',
      query: grantee,
      answers: { 200: detailShape },
      ...{ errors, current },
      handle: async ({ tenantId, actor, params: { name }, query, demand }) => {
        demand({ module: moduleOf(name) });
        const tool = await tools.revoke({ ...query, tenantId, tool: name, actor });
        return ok(tool, grantsOf(tool));
      },
    }),
  ];
}
