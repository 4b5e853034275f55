import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Versions } from '../../../engine/versions/versions.ts';
import { readDocument } from '../../../sdk/document/document.ts';
import { doersIn, type WorkflowData } from '../../../sdk/node.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import type { Registry } from '../../../sdk/registry.ts';
import type { CompleteParts } from '../parts.ts';
import { withinReach } from '../reach.ts';
import { emptyBody, versionInQuery, versionNumber } from '../request.ts';
import { type Call, defineRoute, ok, type Route } from '../route.ts';
import { listOf, publicationShape, versionShape } from '../shapes.ts';

const showQuery = z.strictObject({ version: versionInQuery.optional() });
const diffQuery = z.strictObject({ from: versionInQuery, to: versionInQuery });
const publishBody = z
  .strictObject({
    document: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'YAML or JSON as text; without it what the loaded code says.' }),
  })
  .optional();
const rollBackBody = z
  .strictObject({
    to: versionNumber
      .optional()
      .meta({ description: 'Without it the version before what a plain run takes.' }),
  })
  .optional();

const workflowShape = z
  .object({
    name: z.string(),
    module: z.string().nullable(),
    description: z.string().nullable(),
    inForce: z.int().nullable().meta({ description: 'Null: the loaded code decides.' }),
  })
  .meta({ id: 'WorkflowSummary' });
const dataShape = z
  .object({
    version: z
      .int()
      .nullable()
      .meta({ description: 'Null for code that has not been run or published yet.' }),
    data: z.looseObject({ name: z.string(), nodes: z.array(z.unknown()) }),
  })
  .meta({ id: 'Workflow' });
const versionsShape = listOf(versionShape).extend({
  name: z.string(),
  takes: z.enum(['version', 'code', 'nothing']).meta({ description: 'What a plain run takes.' }),
  version: z.int().nullable(),
  history: z.array(publicationShape),
});
const changesShape = z.array(
  z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }),
);
const nodesShape = z.array(z.object({ node: z.string(), kind: z.string() }));
const diffShape = z
  .object({
    isSame: z.boolean(),
    members: changesShape,
    added: nodesShape,
    removed: nodesShape,
    changed: z.array(z.object({ node: z.string(), members: changesShape })),
    isReordered: z.boolean(),
  })
  .meta({ id: 'WorkflowDiff' });
const inForceShape = z
  .object({
    name: z.string(),
    version: z.int().nullable().meta({ description: 'Null: the loaded code decides.' }),
    isNew: z.boolean().meta({ description: 'Whether anything has changed by it.' }),
    breaks: z
      .array(z.object({ workflow: z.string(), message: z.string() }))
      .meta({ description: 'Other workflows that no longer fit.' }),
  })
  .meta({ id: 'WorkflowInForce' });

/** `/v1/workflows`: what can be run, its versions, and which of them is in force. */
export function workflowRoutes(
  { registry }: Pick<CompleteParts, 'registry'>,
  versions: Versions,
): readonly Route[] {
  const moduleOfName = (name: string) => registry.workflows.get(name)?.module ?? null;
  return [
    ...readingRoutes(versions, moduleOfName),
    ...publishingRoutes(versions, registry),
    ...goingBackRoutes(versions, moduleOfName),
  ];
}

type ModuleOf = (name: string) => string | null;

function readingRoutes(versions: Versions, moduleOfName: ModuleOf): readonly Route[] {
  const permission = 'workflows:read';
  const errors = ['WORKFLOW_UNKNOWN'] as const;
  return [
    defineRoute({
      method: 'get',
      path: '/v1/workflows',
      summary: 'Lists the workflows that runs may name.',
      permission,
      answers: { 200: listOf(workflowShape) },
      handle: async ({ tenantId, principal }) => {
        const all = await versions.workflows(tenantId);
        const reader = { principal, permission } as const;
        return ok({ items: withinReach(all, reader, ({ module }) => ({ module })), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/workflows/:name',
      summary: 'Shows what a plain run of a workflow takes, or a version.',
      ...{ permission, query: showQuery, answers: { 200: dataShape }, errors },
      current: ({ tenantId, params: { name } }) => versions.find(tenantId, name),
      handle: async ({ tenantId, params: { name }, query: { version }, demand }) => {
        demand({ module: moduleOfName(name) });
        return ok(await versions.find(tenantId, name, version));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/workflows/:name/versions',
      summary: 'Lists the versions of a workflow, and what was said about them.',
      ...{ permission, answers: { 200: versionsShape }, errors },
      handle: async ({ tenantId, params: { name }, demand }) => {
        demand({ module: moduleOfName(name) });
        const { versions: items, ...view } = await versions.list(tenantId, name);
        return ok({ ...view, items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/workflows/:name/diff',
      summary: 'Shows what differs between two versions of a workflow.',
      ...{ permission, query: diffQuery, answers: { 200: diffShape }, errors },
      handle: async ({ tenantId, params: { name }, query, demand }) => {
        demand({ module: moduleOfName(name) });
        return ok(await versions.diff(tenantId, name, query));
      },
    }),
  ];
}

type Named = Pick<
  Call<{ readonly name: string }, unknown, unknown>,
  'tenantId' | 'params' | 'demand'
>;

/** What a plain run takes now, as GET of the workflow shows it: what publishing changes. */
function taken(versions: Versions, moduleOfName: ModuleOf): (call: Named) => Promise<unknown> {
  return ({ tenantId, params: { name }, demand }) => {
    demand({ module: moduleOfName(name) });
    return versions.find(tenantId, name).catch((error: unknown) => {
      if (error instanceof EngineError && error.code === 'WORKFLOW_UNKNOWN') return null;
      throw error;
    });
  };
}

function publishingRoutes(versions: Versions, registry: Registry): readonly Route[] {
  const moduleOfName: ModuleOf = (name) => registry.workflows.get(name)?.module ?? null;
  return [
    defineRoute({
      method: 'post',
      path: '/v1/workflows/:name/publish',
      summary: 'Puts what somebody has written in force, or what the loaded code says.',
      description:
        'From now on plain runs take it, whatever the code says; runs that live keep theirs. `If-Match` takes the `ETag` of the workflow.',
      permission: 'workflows:publish',
      body: publishBody,
      answers: { 200: inForceShape },
      errors: ['WORKFLOW_UNKNOWN', 'WORKFLOW_INVALID', 'EXPRESSION_INVALID'],
      current: taken(versions, moduleOfName),
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand({ module: moduleOfName(name) });
        const text = body?.document;
        const written = text === undefined ? undefined : dataOf(text, name);
        for (const module of written ? modulesIn(written, registry) : []) demand({ module });
        const done = await versions.publish({ tenantId, name, actor }, written);
        return ok(done, await versions.find(tenantId, name, done.version ?? undefined));
      },
    }),
  ];
}

function goingBackRoutes(versions: Versions, moduleOfName: ModuleOf): readonly Route[] {
  const current = taken(versions, moduleOfName);
  return [
    defineRoute({
      method: 'post',
      path: '/v1/workflows/:name/rollback',
      summary: 'Puts an older version of a workflow in force.',
      permission: 'workflows:publish',
      body: rollBackBody,
      answers: { 200: inForceShape },
      errors: ['WORKFLOW_UNKNOWN', 'WORKFLOW_INVALID', 'EXPRESSION_INVALID'],
      current,
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand({ module: moduleOfName(name) });
        const done = await versions.rollBack({ tenantId, name, actor }, body?.to);
        return ok(done, await versions.find(tenantId, name, done.version ?? undefined));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/workflows/:name/release',
      summary: 'Lets the loaded code decide again what a plain run of a workflow takes.',
      permission: 'workflows:publish',
      body: emptyBody,
      answers: { 200: inForceShape },
      errors: ['WORKFLOW_UNKNOWN'],
      current,
      handle: async ({ tenantId, actor, params: { name }, demand }) => {
        demand({ module: moduleOfName(name) });
        return ok(await versions.release({ tenantId, name, actor }), null);
      },
    }),
  ];
}

/** The modules whose agents, tools and workflows a workflow names: whoever publishes it may touch them all. */
function modulesIn({ nodes }: WorkflowData, { workflows }: Registry): ReadonlySet<string | null> {
  return new Set(
    doersIn(nodes).flatMap((node): readonly (string | null)[] => {
      if ('agent' in node) return [moduleOf(node.agent)];
      if (node.kind === 'tool') return [moduleOf(node.tool)];
      return node.kind === 'workflow' ? [workflows.get(node.workflow)?.module ?? null] : [];
    }),
  );
}

/** @throws WORKFLOW_INVALID with every fault of the document · INPUT_INVALID when it is of another workflow */
function dataOf(document: string, name: string): WorkflowData {
  const { data, faults } = readDocument(document, { file: 'document' });
  if (!data) {
    const { line, column, message } = faults[0] ?? {};
    const text = `The document is no workflow: line ${line}, column ${column}: ${message}`;
    throw new EngineError('WORKFLOW_INVALID', text, { details: { faults } });
  }
  if (data.name === name) return data;
  throw new EngineError(
    'INPUT_INVALID',
    `The document is of the workflow '${data.name}', not of '${name.slice(0, 64)}'.`,
  );
}
