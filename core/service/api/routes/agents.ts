import { z } from 'zod';
import type { Agents } from '../../../engine/agents/agents.ts';
import { ownModule } from '../../../sdk/check-module.ts';
import { withinReach } from '../reach.ts';
import { versionInQuery, versionNumber } from '../request.ts';
import { type Call, created, defineRoute, ok, type Route } from '../route.ts';
import { listOf, publicationShape, versionShape } from '../shapes.ts';

const name = z.string().min(1).max(200);
const listQuery = z.strictObject({ module: name.optional(), capability: name.optional() });
const showQuery = z.strictObject({ version: versionInQuery.optional() });
/** Its form is the document's own (core/sdk/agent-document.ts). */
const document = z.record(z.string(), z.unknown());
const changeBody = z.strictObject({
  version: versionNumber.meta({
    description:
      'The version that whoever changes it has read: where another is in force by now, nothing changes.',
  }),
  document,
});
const cloneBody = z.strictObject({
  name,
  changes: document.optional().meta({ description: 'Members that are other than the original’s.' }),
});
const rollBackBody = z
  .strictObject({
    to: versionNumber
      .optional()
      .meta({ description: 'Without it the version before the one in force.' }),
  })
  .optional();

const breaksShape = z
  .array(z.object({ workflow: z.string(), message: z.string() }))
  .meta({ description: 'Workflows that no longer fit; their new runs are refused until they do.' });
const agentShape = z
  .object({
    name: z.string(),
    module: z.string(),
    purpose: z.string(),
    version: z.int().nullable().meta({ description: 'Null for an agent of the loaded code.' }),
    template: z.string().nullable(),
    capabilities: z.array(
      z.object({
        name: z.string(),
        inputTypes: z.array(z.string()),
        outputTypes: z.array(z.string()),
      }),
    ),
    tools: z.array(z.string()),
    needsModel: z.boolean(),
    fault: z.string().nullable().meta({ description: 'Why it cannot be used.' }),
  })
  .meta({ id: 'AgentSummary' });
const detailShape = z
  .object({
    ...agentShape.shape,
    instructions: z.string(),
    model: z.enum(['fast', 'standard', 'deep']),
    input: z.unknown().meta({ description: 'A JSON Schema, or null.' }),
    output: z.unknown().meta({ description: 'A JSON Schema, or null.' }),
    findings: z.record(z.string(), z.string()),
    delegates: z.array(z.string()).meta({ description: 'Agents that its model may hand work to.' }),
    document: document.nullable(),
  })
  .meta({ id: 'Agent' });
const madeShape = z
  .object({
    agent: detailShape,
    isNew: z.boolean(),
    warnings: z.array(z.string()),
    breaks: breaksShape,
  })
  .meta({ id: 'AgentMade' });
const versionsShape = listOf(versionShape).extend({
  name: z.string(),
  version: z.int().nullable().meta({ description: 'The one in force; null: it is deleted.' }),
  history: z.array(publicationShape),
});
const deletedShape = z.object({ name: z.string(), version: z.int(), breaks: breaksShape });

/** `/v1/agents`: the agents of the loaded code, and those that people make while Tutti runs. */
export function agentRoutes(agents: Agents): readonly Route[] {
  return [...readingRoutes(agents), ...makingRoutes(agents), ...changingRoutes(agents)];
}

function readingRoutes(agents: Agents): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/agents',
      summary: 'Lists the agents, by module and capability where they are named.',
      permission: 'agents:read',
      query: listQuery,
      answers: { 200: listOf(agentShape) },
      handle: async ({ tenantId, principal, query }) => {
        const all = await agents.list(tenantId, query);
        const reader = { principal, permission: 'agents:read' } as const;
        return ok({ items: withinReach(all, reader, ({ module }) => ({ module })), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/agents/:name',
      summary: 'Shows an agent as it is now, or a version of one that people have made.',
      permission: 'agents:read',
      query: showQuery,
      answers: { 200: detailShape },
      errors: ['AGENT_UNKNOWN', 'AGENT_CONFLICT'],
      current: ({ tenantId, params }) => agents.show(tenantId, params.name),
      handle: async ({ tenantId, params, query, demand }) => {
        const agent = await agents.show(tenantId, params.name, query.version);
        demand({ module: agent.module });
        return ok(agent);
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/agents/:name/versions',
      summary:
        'Lists the versions of an agent that people have made, and what was said about them.',
      permission: 'agents:read',
      answers: { 200: versionsShape },
      errors: ['AGENT_UNKNOWN', 'AGENT_CONFLICT'],
      handle: async ({ tenantId, params, demand }) => {
        demand({ module: ownModule });
        const { versions: items, ...view } = await agents.versions(tenantId, params.name);
        return ok({ ...view, items, next: null });
      },
    }),
  ];
}

function makingRoutes(agents: Agents): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/agents',
      summary: 'Makes an agent.',
      permission: 'agents:write',
      body: document,
      answers: { 201: madeShape },
      errors: ['AGENT_INVALID', 'AGENT_CONFLICT'],
      handle: async ({ tenantId, actor, body, demand }) => {
        demand({ module: ownModule });
        const made = await agents.create({ tenantId, actor }, body);
        return created(`/v1/agents/${made.agent.name}`, made, made.agent);
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/agents/:name/clone',
      summary: 'Makes an agent of another one, under a name of its own.',
      permission: 'agents:write',
      body: cloneBody,
      answers: { 201: madeShape },
      errors: ['AGENT_UNKNOWN', 'AGENT_INVALID', 'AGENT_CONFLICT'],
      handle: async ({ tenantId, actor, params, body: { name, changes }, demand }) => {
        demand({ module: ownModule });
        // What it is cloned of, its maker may look at.
        demand({ module: (await agents.show(tenantId, params.name)).module }, 'agents:read');
        const clone = { name, ...(changes && { changes }) };
        const made = await agents.clone({ tenantId, actor }, params.name, clone);
        return created(`/v1/agents/${made.agent.name}`, made, made.agent);
      },
    }),
  ];
}

function changingRoutes(agents: Agents): readonly Route[] {
  const errors = ['AGENT_UNKNOWN', 'AGENT_INVALID', 'AGENT_CONFLICT'] as const;
  const changed = (call: Call<{ readonly name: string }, unknown, unknown>): Promise<unknown> => {
    const { tenantId, params, demand } = call;
    demand({ module: ownModule });
    return agents.show(tenantId, params.name);
  };
  return [
    defineRoute({
      method: 'put',
      path: '/v1/agents/:name',
      summary: 'Puts another document in the place of an agent’s.',
      description: 'Runs that live keep the agent that they began with.',
      permission: 'agents:write',
      body: changeBody,
      answers: { 200: madeShape },
      errors,
      current: changed,
      handle: async ({ tenantId, actor, params, body: { version, document: written }, demand }) => {
        demand({ module: ownModule });
        const made = await agents.change({ tenantId, actor }, params.name, { written, version });
        return ok(made, made.agent);
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/agents/:name',
      summary: 'Deletes an agent that people have made.',
      description: 'New runs find it no more; those that live go on with it.',
      permission: 'agents:write',
      query: showQuery,
      answers: { 200: deletedShape },
      errors: ['AGENT_UNKNOWN', 'AGENT_CONFLICT'],
      current: changed,
      handle: async ({ tenantId, actor, params, query: { version }, demand }) => {
        demand({ module: ownModule });
        return ok(await agents.delete({ tenantId, actor }, params.name, { version }), null);
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/agents/:name/rollback',
      summary: 'Puts an older version of an agent in force, also of a deleted one.',
      permission: 'agents:write',
      body: rollBackBody,
      answers: { 200: madeShape },
      errors,
      handle: async ({ tenantId, actor, params, body, demand }) => {
        demand({ module: ownModule });
        const made = await agents.rollBack({ tenantId, actor }, params.name, body?.to);
        return ok(made, made.agent);
      },
    }),
  ];
}
