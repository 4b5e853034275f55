import { hookSecrets } from '../../../support/hook-lab.ts';
import type { ContractLab } from './lab.ts';

/** What a request needs beside its method and path to succeed. */
export interface Needs {
  /** The parts of the path, by name. */
  readonly path?: Readonly<Record<string, string>>;
  /** After the path: `?from=1&to=2`. */
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Recipe = (lab: ContractLab) => Needs | Promise<Needs>;

const nothing: Recipe = () => ({});
let made = 0;
const fresh = (): string => {
  made += 1;
  return `made${made}`;
};

const ended: Recipe = ({ ended: id }) => ({ path: { id } });
const held: Recipe = async (lab) => ({ path: { id: await lab.holding() } });
const named =
  (name: string, more: Omit<Needs, 'path'> = {}): Recipe =>
  () => ({ path: { name }, ...more });

const agentDocument = { purpose: 'Answers.', instructions: 'Say it.' };
const agent = async (lab: ContractLab): Promise<string> => {
  const name = fresh();
  await lab.make('/v1/agents', { name, ...agentDocument });
  return `custom.${name}`;
};
/** A version of a policy: one that gives nobody anything, or one that does. */
const policy = async (lab: ContractLab, isWider = false): Promise<string> => {
  const name = fresh();
  const access = isWider ? [{ agents: ['lab.nobody'], tools: [`lab.${name}`] }] : [];
  await lab.make(`/v1/policies/${name}/versions`, { document: { name, grants: [], access } });
  return name;
};
const key = async (lab: ContractLab): Promise<string> => {
  const { key: made } = await lab.make('/v1/keys', { name: 'one', roles: ['viewer'] });
  return String((made as { readonly id: string }).id);
};
const bearer = async (lab: ContractLab): Promise<Readonly<Record<string, string>>> => {
  const { secret } = await lab.make('/v1/keys', { name: 'page', roles: ['viewer'] });
  return { authorization: `Bearer ${secret}` };
};
/** A session, as its page sends it. */
const session = async (lab: ContractLab) => {
  const answer = await lab.ask('POST', '/v1/sessions', { headers: await bearer(lab) });
  const [cookie = ''] = answer.headers.getSetCookie();
  const made = (await answer.json()) as { session: { id: string }; csrfToken: string };
  const headers = { cookie: cookie.split(';')[0] ?? '', 'x-csrf-token': made.csrfToken };
  return { path: { id: made.session.id }, headers };
};
const tenant = async (lab: ContractLab): Promise<string> => {
  const slug = fresh();
  await lab.make('/v1/tenants', { slug });
  return slug;
};
const delegation = async (lab: ContractLab): Promise<string> => {
  const { id } = await lab.make('/v1/delegations', { to: fresh(), until });
  return String(id);
};
/** Long after any test. */
const until = '2126-07-31T22:00:00Z';
const webhook = async (lab: ContractLab): Promise<string> => {
  const { webhook: made } = await lab.make('/v1/webhooks', { url: hookUrl });
  return String((made as { readonly id: string }).id);
};
const delivery = async (lab: ContractLab): Promise<string> => {
  const { delivery: id } = await lab.make(`/v1/webhooks/${await webhook(lab)}/ping`, {});
  return String(id);
};
const backfill = async (lab: ContractLab): Promise<string> => {
  const { id } = await lab.make('/v1/schedules/contract/backfills', span);
  return String(id);
};
/** Nobody listens there. */
const hookUrl = 'http://127.0.0.1:9/hook';
const span = { from: '2026-06-01', to: '2026-06-02' };
const scheduled =
  (more: Omit<Needs, 'path'> = {}): Recipe =>
  () => ({ path: { name: 'contract' }, ...more });

const fingerprint: Recipe = async (lab) => {
  const [finding] = await lab.tutti.history.findings(lab.tenantId, { runId: lab.ended });
  return { path: { fingerprint: String(finding?.fingerprint) } };
};

/** How each operation succeeds; one that is not here needs nothing. */
export const recipes: Readonly<Record<string, Recipe>> = {
  'GET /v1/runs': () => ({
    query: '?workflow=chorus&status=succeeded&from=2026-01-01&to=2100-01-01T00:00:00Z&limit=1',
  }),
  'POST /v1/runs': () => ({ body: { workflow: 'chorus', input: { values: ['x'] } } }),
  'GET /v1/runs/{id}': ended,
  'PATCH /v1/runs/{id}': async (lab) => ({
    path: { id: await lab.holding() },
    body: { priority: 8 },
  }),
  'GET /v1/runs/{id}/steps': ended,
  'GET /v1/runs/{id}/steps/{step}': ({ ended: id }) => ({ path: { id, step: 'voices[a]' } }),
  'GET /v1/runs/{id}/entries': ended,
  'GET /v1/runs/{id}/events': ended,
  'GET /v1/runs/{id}/explain': held,
  'POST /v1/runs/{id}/cancel': held,
  'POST /v1/runs/{id}/pause': held,
  'POST /v1/runs/{id}/retry': async (lab) => ({ path: { id: await lab.cancelled() } }),
  'POST /v1/runs/{id}/resume': held,
  'POST /v1/runs/{id}/undo': ({ ended: id }) => ({ path: { id }, body: { reason: 'A test.' } }),
  'GET /v1/runs/{id}/undo': async (lab) => {
    await lab.make(`/v1/runs/${lab.ended}/undo`, { reason: 'A test.' });
    return { path: { id: lab.ended } };
  },
  'GET /v1/entries': () => ({ query: '?agent=echo.say&kind=step.succeeded&limit=1' }),
  'GET /report/{id}': ended,
  'POST /v1/plans': () => ({ body: { workflow: 'chorus', input: { values: ['x'] } } }),
  'PUT /v1/budgets/{scope}': () => ({ path: { scope: 'tenant' }, body: { usdPerDay: '9.50' } }),
  'DELETE /v1/budgets/{scope}': () => ({ path: { scope: 'tenant' } }),
  'POST /v1/tasks': () => ({ body: { agent: 'echo.say', input: { value: 'x' } } }),
  'GET /v1/tasks/{id}': async (lab) => {
    const { id } = await lab.make('/v1/tasks', { agent: 'echo.say', input: { value: 'x' } });
    return { path: { id: String(id) } };
  },
  'GET /v1/workflows/{name}': named('chorus'),
  'GET /v1/workflows/{name}/versions': named('chorus'),
  'GET /v1/workflows/{name}/diff': named('chorus', { query: '?from=1&to=1' }),
  'POST /v1/workflows/{name}/publish': named('chorus', { body: {} }),
  'POST /v1/workflows/{name}/rollback': async (lab) => {
    await lab.make('/v1/workflows/chorus/publish', {});
    return { path: { name: 'chorus' }, body: { to: 1 } };
  },
  'POST /v1/workflows/{name}/release': named('chorus', { body: {} }),
  'POST /v1/agents': () => ({ body: { name: fresh(), ...agentDocument } }),
  'GET /v1/agents/{name}': named('echo.say'),
  'PUT /v1/agents/{name}': async (lab) => ({
    path: { name: await agent(lab) },
    body: { version: 1, document: { ...agentDocument, purpose: 'Asks.' } },
  }),
  'DELETE /v1/agents/{name}': async (lab) => ({
    path: { name: await agent(lab) },
    query: '?version=1',
  }),
  'GET /v1/agents/{name}/versions': async (lab) => ({ path: { name: await agent(lab) } }),
  'POST /v1/agents/{name}/clone': async (lab) => ({
    path: { name: await agent(lab) },
    body: { name: fresh() },
  }),
  'POST /v1/agents/{name}/rollback': async (lab) => {
    const name = await agent(lab);
    const document = { ...agentDocument, purpose: 'Asks.' };
    await lab.ask('PUT', `/v1/agents/${name}`, { body: { version: 1, document } });
    return { path: { name }, body: {} };
  },
  'GET /v1/policies/{name}': async (lab) => ({
    path: { name: await policy(lab) },
    query: '?version=1',
  }),
  'GET /v1/policies/{name}/versions': async (lab) => ({ path: { name: await policy(lab) } }),
  'POST /v1/policies/{name}/versions': () => {
    const name = fresh();
    return { path: { name }, body: { document: { name, grants: [] } } };
  },
  'GET /v1/policies/{name}/diff': async (lab) => ({
    path: { name: await policy(lab) },
    query: '?from=1&to=1',
  }),
  'POST /v1/policies/{name}/check': async (lab) => ({
    path: { name: await policy(lab) },
    body: { version: 1 },
  }),
  'POST /v1/policies/{name}/publish': async (lab) => ({
    path: { name: await policy(lab) },
    body: {},
  }),
  'POST /v1/policies/{name}/rollback': async (lab) => ({
    path: { name: await policy(lab) },
    body: { version: 1 },
  }),
  'POST /v1/policies/{name}/withdraw': async (lab) => ({
    path: { name: await policy(lab) },
    body: {},
  }),
  'POST /v1/policies/{name}/asks/{no}/agree': async (lab) => {
    const name = await policy(lab, true);
    const said = await lab.publishAs('anna', name);
    return { path: { name, no: String(said.ask) } };
  },
  'GET /v1/tools/{name}': named('echo.value.read'),
  'GET /v1/tools/{name}/grants': named('echo.value.read'),
  'POST /v1/tools/{name}/grants': named('echo.value.read', { body: { agent: 'echo.hold' } }),
  'DELETE /v1/tools/{name}/grants': async (lab) => {
    await lab.make('/v1/tools/echo.value.read/grants', { agent: 'echo.hold' });
    return { path: { name: 'echo.value.read' }, query: '?agent=echo.hold' };
  },
  'GET /v1/mcp/servers/{server}/tools': () => ({ path: { server: 'tools' } }),
  'POST /v1/mcp/servers/{server}/accept': async (lab) => {
    const answer = await lab.ask('GET', '/v1/mcp/servers/tools/tools');
    const { items } = (await answer.json()) as { items: { tool: string; digest: string }[] };
    const [{ tool, digest } = { tool: '', digest: '' }] = items;
    return { path: { server: 'tools' }, body: { tool, digest } };
  },
  'GET /v1/approvals/{id}': async (lab) => ({ path: { id: await lab.question() } }),
  'GET /v1/approvals/{id}/findings': async (lab) => ({ path: { id: await lab.question() } }),
  'POST /v1/approvals/{id}/decision': async (lab) => ({
    path: { id: await lab.question() },
    body: { decision: 'granted', note: 'A test.' },
  }),
  'POST /v1/delegations': () => ({ body: { to: fresh(), until } }),
  'GET /v1/delegations/{id}': async (lab) => ({ path: { id: await delegation(lab) } }),
  'DELETE /v1/delegations/{id}': async (lab) => ({ path: { id: await delegation(lab) } }),
  'GET /v1/effects/{key}': async (lab) => ({ path: { key: await lab.lostEffect() } }),
  'POST /v1/effects/{key}/settle': async (lab) => ({
    path: { key: await lab.lostEffect() },
    body: { verdict: 'did-not-happen', reason: 'A test.' },
  }),
  'GET /v1/findings/{fingerprint}': fingerprint,
  'GET /v1/findings/{fingerprint}/triage': fingerprint,
  'PUT /v1/findings/{fingerprint}/triage': async (lab) => ({
    ...(await fingerprint(lab)),
    body: { state: 'accepted', note: 'A test.' },
  }),
  'GET /v1/modules/{name}': named('echo'),
  'POST /v1/modules': () => ({ body: { name: 'visitor' } }),
  'DELETE /v1/modules/{name}': async (lab) => {
    await lab.make('/v1/modules', { name: 'visitor' });
    return { path: { name: 'visitor' } };
  },
  'POST /v1/modules/{name}/disable': named('lab', { body: { reason: 'A test.' } }),
  'POST /v1/modules/{name}/enable': async (lab) => {
    await lab.make('/v1/modules/lab/disable', { reason: 'A test.' });
    return { path: { name: 'lab' }, body: {} };
  },
  'GET /v1/templates/workflows/{name}': named('erp-event'),
  'GET /v1/templates/agents/{name}': named('echo.say'),
  'GET /v1/erp-events/{id}': async (lab) => ({ path: { id: await lab.erpEvent() } }),
  'POST /v1/erp-events/{id}/replay': async (lab) => ({
    path: { id: await lab.erpEvent() },
    body: {},
  }),
  'POST /v1/hooks/{hook}/pause': () => ({ path: { hook: 'desk.pinged' }, body: {} }),
  'POST /v1/hooks/{hook}/resume': () => ({ path: { hook: 'desk.pinged' } }),
  'POST /v1/hooks/{source}': () => ({
    path: { source: 'odoo' },
    query: `?token=${hookSecrets.ODOO_TOKEN}`,
    body: { _action: 'changed(#1)', _model: 'helpdesk.ticket', _id: 7, id: 7 },
  }),
  'POST /v1/webhooks': () => ({ body: { url: hookUrl } }),
  'GET /v1/webhooks/{id}': async (lab) => ({ path: { id: await webhook(lab) } }),
  'PATCH /v1/webhooks/{id}': async (lab) => ({
    path: { id: await webhook(lab) },
    body: { about: 'A test.' },
  }),
  'DELETE /v1/webhooks/{id}': async (lab) => ({ path: { id: await webhook(lab) } }),
  'POST /v1/webhooks/{id}/rotate': async (lab) => ({ path: { id: await webhook(lab) }, body: {} }),
  'POST /v1/webhooks/{id}/ping': async (lab) => ({ path: { id: await webhook(lab) } }),
  'GET /v1/deliveries/{id}': async (lab) => ({ path: { id: await delivery(lab) } }),
  'POST /v1/deliveries/{id}/replay': async (lab) => ({ path: { id: await delivery(lab) } }),
  'GET /v1/schedules/{name}': scheduled(),
  'GET /v1/schedules/{name}/occurrences': scheduled({ query: '?count=3' }),
  'GET /v1/occurrences': () => ({ query: '?cron=0+2+*+*+*&timeZone=Europe/Berlin' }),
  'GET /v1/schedules/{name}/slots': scheduled(),
  'POST /v1/schedules/{name}/pause': scheduled({ body: { reason: 'A test.' } }),
  'POST /v1/schedules/{name}/resume': scheduled({ body: {} }),
  'POST /v1/schedules/{name}/trigger': scheduled({ body: {} }),
  'GET /v1/schedules/{name}/backfills': scheduled(),
  'POST /v1/schedules/{name}/backfills': scheduled({ body: span }),
  'GET /v1/backfills/{id}': async (lab) => ({ path: { id: await backfill(lab) } }),
  'POST /v1/backfills/{id}/cancel': async (lab) => ({
    path: { id: await backfill(lab) },
    body: {},
  }),
  'PUT /v1/stops/{reach}': () => ({ path: { reach: 'module:desk' }, body: { reason: 'A test.' } }),
  'DELETE /v1/stops/{reach}': async (lab) => {
    await lab.ask('PUT', '/v1/stops/module:desk', { body: { reason: 'A test.' } });
    return { path: { reach: 'module:desk' } };
  },
  'GET /v1/settings/{name}': named('breaker'),
  'PUT /v1/settings/{name}': named('budget:tenant', { body: { value: 9_000_000 } }),
  'DELETE /v1/settings/{name}': named('budget:tenant'),
  'POST /v1/keys': () => ({ body: { name: 'two', roles: ['viewer'] } }),
  'GET /v1/keys/{id}': async (lab) => ({ path: { id: await key(lab) } }),
  'DELETE /v1/keys/{id}': async (lab) => ({ path: { id: await key(lab) } }),
  'POST /v1/keys/{id}/rotate': async (lab) => ({ path: { id: await key(lab) }, body: {} }),
  'POST /v1/denied-tokens': () => ({
    body: { issuer: 'https://id.example.com', id: fresh(), until: '2099-01-01T00:00:00Z' },
  }),
  'POST /v1/sessions': async (lab) => ({ headers: await bearer(lab) }),
  'GET /v1/sessions': session,
  'DELETE /v1/sessions': session,
  'GET /v1/sessions/current': session,
  'DELETE /v1/sessions/current': session,
  'GET /v1/sessions/{id}': session,
  'DELETE /v1/sessions/{id}': session,
  'POST /v1/tenants': () => ({ body: { slug: fresh() } }),
  'GET /v1/tenants/{slug}': async (lab) => ({ path: { slug: await tenant(lab) } }),
  'POST /v1/tenants/{slug}/suspend': async (lab) => ({ path: { slug: await tenant(lab) } }),
  'POST /v1/tenants/{slug}/resume': async (lab) => ({ path: { slug: await tenant(lab) } }),
};

/** What an operation needs. */
export function needsOf(lab: ContractLab, operation: string): Needs | Promise<Needs> {
  return (recipes[operation] ?? nothing)(lab);
}
