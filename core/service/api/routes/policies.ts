import { z } from 'zod';
import type { Change } from '../../../engine/policies/change.ts';
import type { Policies, PolicyView } from '../../../engine/policies/policies.ts';
import type { Policy } from '../../../sdk/policy/policy.ts';
import { readPolicyDocument } from '../../../sdk/policy/policy-document.ts';
import { wholeReach, withinReach } from '../reach.ts';
import { versionInQuery, versionNumber } from '../request.ts';
import { type Call, created, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, listOf, publicationShape, versionShape } from '../shapes.ts';
import { voterOf } from '../voter.ts';

const patterns = z.array(z.string()).meta({ description: 'Names, with `*` for any rest.' });
const scope = {
  agents: patterns.optional(),
  tools: patterns.optional(),
  companies: patterns.optional(),
};
const policyShape = z
  .object({
    name: z.string(),
    version: z.int().nullable().meta({ description: 'Null: the code says it.' }),
    module: z.string().nullable().meta({ description: 'Null: the configuration declares it.' }),
    grants: z
      .array(z.object({ ...scope, autonomy: z.enum(['observe', 'propose', 'approve', 'act']) }))
      .meta({ description: 'The strictest that matches wins.' }),
    access: z
      .array(z.object({ agents: patterns, tools: patterns }))
      .meta({ description: 'Tools of other modules that agents may use.' }),
    duties: z
      .array(z.object({ pair: z.array(z.string()).length(2), reason: z.string() }))
      .meta({ description: 'What no one actor may do at one document.' }),
    tiers: z
      .array(
        z.object({
          name: z.string(),
          ...scope,
          above: z.object({ amount: z.string(), currency: z.string() }).optional(),
          risk: z.enum(['low', 'normal', 'high']).optional(),
          by: z.array(z.string()),
          required: z.int().optional(),
          expires: z.string().optional(),
          escalate: z.object({ after: z.string(), to: z.array(z.string()) }).optional(),
        }),
      )
      .meta({ description: 'Who must agree to which writes.' }),
    external: z
      .array(
        z.object({ agents: patterns, tools: patterns, check: z.enum(['master_data', 'none']) }),
      )
      .meta({ description: 'Who may write after reading text from outside.' }),
    fault: z
      .string()
      .nullable()
      .meta({ description: 'Why it would not be let in force as it is now.' }),
  })
  .meta({ id: 'Policy' });

const changeShape = z
  .object({
    direction: z.enum(['wider', 'stricter']),
    aspect: z.enum(['autonomy', 'access', 'duties', 'tiers', 'external']),
    agents: z.array(z.string()),
    tools: z.array(z.string()),
    companies: z
      .array(z.string())
      .nullable()
      .meta({ description: '`(group)` for runs over the whole group; null: wherever.' }),
    from: z
      .object({ amount: z.string(), currency: z.string() })
      .nullable()
      .meta({ description: 'From which amount on.' }),
    before: z.string(),
    after: z.string(),
    text: z.string().meta({ description: 'All of it in a sentence.' }),
  })
  .meta({ id: 'PolicyChange' });
const changes = z.array(changeShape);
const how = z.enum(['published', 'rolled_back', 'released']);
const wordShape = {
  how,
  version: z.int().nullable().meta({ description: 'Null: the code decides again.' }),
  effective: z.iso.datetime().nullable().meta({ description: 'From when on; null: at once.' }),
};
const versionsShape = listOf(versionShape).extend({
  name: z.string(),
  takes: z.enum(['version', 'code', 'nothing']).meta({ description: 'What counts.' }),
  version: z.int().nullable(),
  history: z.array(publicationShape),
  pending: z.array(publicationShape).meta({ description: 'Words whose moment has not come.' }),
  asks: z
    .array(
      z.object({ no: z.int(), ...wordShape, actor: actorShape, at: z.iso.datetime(), changes }),
    )
    .meta({ description: 'What waits for a second person.' }),
});
const draftShape = z
  .object({ name: z.string(), version: z.int(), isNew: z.boolean() })
  .meta({ id: 'PolicyDraft' });
const checkShape = z
  .object({
    name: z.string(),
    fault: z.string().nullable().meta({ description: 'Why it would be refused.' }),
    warnings: z.array(z.string()),
    changes: changes.meta({ description: 'For every call that there can ever be.' }),
    calls: changes.meta({ description: 'For the agents, tools and companies that there are.' }),
  })
  .meta({ id: 'PolicyCheck' });
const saidShape = z
  .object({
    name: z.string(),
    version: z.int().nullable().meta({ description: 'Null: the code decides again.' }),
    state: z
      .enum(['in_force', 'scheduled', 'asked', 'same'])
      .meta({ description: '`asked`: it is wider, and waits for a second person.' }),
    from: z.iso.datetime().nullable(),
    ask: z.int().nullable(),
    changes,
    warnings: z.array(z.string()),
  })
  .meta({ id: 'PolicySaid' });

const version = versionNumber.optional();
const from = z.iso
  .datetime({ offset: true })
  .optional()
  .meta({ description: 'From when on it counts. Default: at once.' });
const document = z
  .union([z.string().min(1), z.record(z.string(), z.unknown())])
  .meta({ description: 'What `definePolicy` takes, as an object, or as YAML or JSON in text.' });
const showQuery = z.strictObject({ version: versionInQuery.optional() });
const diffQuery = z.strictObject({ from: versionInQuery, to: versionInQuery });
const draftBody = z.strictObject({ document });
const checkBody = z.strictObject({ document: document.optional(), version }).optional();
const wishBody = z.strictObject({ version, from }).optional();
const withdrawBody = z.strictObject({ from }).optional();

const reading = 'authority:read';
const writing = 'policies:publish';

/** `/v1/policies`: what agents may do, as the code and people say it. */
export function policyRoutes(policies: Policies): readonly Route[] {
  return [
    ...readingRoutes(policies),
    ...comparingRoutes(policies),
    ...writingRoutes(policies),
    ...publishingRoutes(policies),
  ];
}

/** What counts under a name, for who may touch the module that it is of; others hold for everybody. @throws PERMISSION_DENIED */
async function demandPolicy(
  policies: Policies,
  {
    tenantId,
    name,
    demand,
  }: Pick<Call<never, never, never>, 'tenantId' | 'demand'> & { readonly name: string },
): Promise<PolicyView | undefined> {
  const view = (await policies.list(tenantId)).find(({ policy }) => policy.name === name);
  if (view && view.module !== null) demand({ module: view.module });
  return view;
}

function shown(
  { kind: _, access = [], duties = [], tiers = [], external = [], ...own }: Policy,
  { module, fault }: Pick<PolicyView, 'module' | 'fault'>,
): object {
  return { ...own, version: own.version ?? null, module, fault, access, duties, tiers, external };
}

function readingRoutes(policies: Policies): readonly Route[] {
  const errors = ['POLICY_UNKNOWN'] as const;
  return [
    defineRoute({
      method: 'get',
      path: '/v1/policies',
      summary: 'Lists the policies that count now, with their grants, duties and tiers.',
      description:
        'What is granted while Tutti runs stands before them: `/v1/autonomy` and `/v1/tools/{name}/grants`.',
      permission: reading,
      answers: { 200: listOf(policyShape) },
      handle: async ({ tenantId, principal }) => {
        const all = await policies.list(tenantId);
        // Those of the configuration, and of people, hold for everybody.
        const items = withinReach(all, { principal, permission: reading }, ({ module }) =>
          module === null ? {} : { module },
        ).map((view) => shown(view.policy, view));
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/policies/:name',
      summary: 'Shows what counts under the name of a policy, or a version of it.',
      description: 'The code may have several policies of one name, which count together.',
      ...{ permission: reading, query: showQuery, answers: { 200: listOf(policyShape) }, errors },
      handle: async ({ tenantId, params: { name }, query, demand }) => {
        const view = await demandPolicy(policies, { tenantId, name, demand });
        const found = await policies.show(tenantId, name, query.version);
        const around = { module: view?.module ?? null, fault: null };
        return ok({ items: found.map((each) => shown(each, around)), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/policies/:name/versions',
      summary: 'Lists the versions of a policy, what was said about them, and what waits.',
      ...{ permission: reading, answers: { 200: versionsShape }, errors },
      current: ({ tenantId, params: { name } }) => current(policies, tenantId, name),
      isTaggedInPart: true,
      handle: async ({ tenantId, params: { name }, demand }) => {
        await demandPolicy(policies, { tenantId, name, demand });
        const { versions: items, ...view } = await policies.versions(tenantId, name);
        return ok({ ...view, items, next: null }, await current(policies, tenantId, name));
      },
    }),
  ];
}

/** What is said about a policy: what `If-Match` compares. */
async function current(policies: Policies, tenantId: number, name: string): Promise<unknown> {
  const { takes, version, history } = await policies.versions(tenantId, name);
  return { takes, version, said: history.length };
}

function comparingRoutes(policies: Policies): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/policies/:name/diff',
      summary: 'Says what is wider and what is stricter by one version than by another.',
      permission: reading,
      query: diffQuery,
      answers: { 200: listOf(changeShape) },
      errors: ['POLICY_UNKNOWN'],
      handle: async ({ tenantId, params: { name }, query, demand }) => {
        await demandPolicy(policies, { tenantId, name, demand });
        const items: readonly Change[] = await policies.diff(tenantId, name, query);
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/policies/:name/check',
      summary: 'Says what would come of a policy: faults, and which decisions would be others.',
      description:
        'Of what is written, of a version, or of the newest. Nothing is stored and nothing changes.',
      permission: reading,
      body: checkBody,
      answers: { 200: checkShape },
      errors: ['POLICY_UNKNOWN', 'POLICY_INVALID'],
      handle: async ({ tenantId, params: { name }, body = {}, demand }) => {
        // It tells of the agents and tools of all modules.
        demand(wholeReach);
        const { document: written, ...rest } = body;
        const what = written === undefined ? rest : { ...rest, written: dataOf(written) };
        return ok(await policies.check(tenantId, name, what));
      },
    }),
  ];
}

function writingRoutes(policies: Policies): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/policies/:name/versions',
      summary: 'Stores a version of a policy; nothing is in force by that.',
      permission: writing,
      body: draftBody,
      answers: { 201: draftShape },
      errors: ['POLICY_INVALID'],
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand(wholeReach);
        const draft = await policies.draft({ tenantId, actor }, name, dataOf(body.document));
        return created(`/v1/policies/${name}?version=${draft.version}`, draft, null);
      },
    }),
  ];
}

function publishingRoutes(policies: Policies): readonly Route[] {
  const shared = { permission: writing, answers: { 200: saidShape } } as const;
  const errors = ['POLICY_UNKNOWN', 'POLICY_INVALID'] as const;
  const since = (text: string | undefined): Date | undefined =>
    text === undefined ? undefined : new Date(text);
  const changed = (call: Call<{ readonly name: string }, unknown, unknown>): Promise<unknown> => {
    const { tenantId, params, demand } = call;
    demand(wholeReach);
    return current(policies, tenantId, params.name);
  };
  return [
    defineRoute({
      ...{ method: 'post', path: '/v1/policies/:name/publish', ...shared, errors },
      summary: 'Puts a version of a policy in force, by default the newest.',
      description:
        'What lets agents do more only asks: a second person must agree. `If-Match` takes the `ETag` of the versions.',
      body: wishBody,
      current: changed,
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand(wholeReach);
        const wish = { version: body?.version, from: since(body?.from) };
        return ok(await policies.publish({ tenantId, actor }, name, wish), null);
      },
    }),
    defineRoute({
      ...{ method: 'post', path: '/v1/policies/:name/rollback', ...shared, errors },
      summary: 'Puts an older version of a policy in force, by default the one before.',
      body: wishBody,
      current: changed,
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand(wholeReach);
        const wish = { version: body?.version, from: since(body?.from) };
        return ok(await policies.rollBack({ tenantId, actor }, name, wish), null);
      },
    }),
    defineRoute({
      ...{ method: 'post', path: '/v1/policies/:name/withdraw', ...shared, errors },
      summary: 'Lets the code decide again what a policy says.',
      body: withdrawBody,
      current: changed,
      handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
        demand(wholeReach);
        const wish = { from: since(body?.from) };
        return ok(await policies.withdraw({ tenantId, actor }, name, wish), null);
      },
    }),
    defineRoute({
      ...{ method: 'post', path: '/v1/policies/:name/asks/:no/agree', ...shared },
      summary: 'Takes the word of a second person on what is wider: it is in force then.',
      description: 'Nobody agrees to what they, or whoever acts for them, have asked for.',
      errors: [...errors, 'APPROVAL_NOT_YOURS', 'PERMISSION_DENIED'],
      handle: async ({ tenantId, principal, actor, params: { name, no }, demand }) => {
        demand(wholeReach);
        const { person } = voterOf(principal);
        return ok(await policies.agree({ tenantId, actor, person }, name, Number(no)), null);
      },
    }),
  ];
}

/** @throws POLICY_INVALID */
function dataOf(written: z.output<typeof document>): unknown {
  return typeof written === 'string' ? readPolicyDocument(written, { file: 'document' }) : written;
}
