import { json } from '../service/api/api.ts';

interface Ask {
  /** @default the route's, with the id of what the last step has made */
  readonly path?: string;
  readonly body?: unknown;
}

/** A request that changes something. */
export interface AuditedRoute {
  readonly route: string;
  /** Its rows, by what they say was done. */
  readonly action: string;
  /** @default nothing but the path */
  readonly ask?: () => Ask | Promise<Ask>;
}

/** Who asks. */
export interface Asking {
  /** The address of the API. */
  readonly server: string;
  readonly send: (method: string, path: string, body?: unknown) => Promise<Response>;
  /** Id of what the last request has made. */
  readonly made: () => string;
  readonly ended: (run: string) => Promise<unknown>;
}

const document = { name: 'mine', template: 'echo.say', tools: [] };
const policy = { name: 'mine', grants: [{ agents: ['echo.nobody'], autonomy: 'propose' }] };

/** A request to every route that changes something, in an order in which each finds what it needs, and the rows that it leaves in the audit log. */
export function auditedRoutes({ server, send, made, ended }: Asking): readonly AuditedRoute[] {
  return [
    {
      route: 'post /v1/runs',
      action: 'run.start',
      ask: () => ({ body: { workflow: 'pause', input: {} } }),
    },
    {
      route: 'patch /v1/runs/:id',
      action: 'run.priority',
      ask: () => ({ body: { priority: 8 } }),
    },
    { route: 'post /v1/runs/:id/pause', action: 'run.pause' },
    { route: 'post /v1/runs/:id/resume', action: 'run.resume' },
    { route: 'post /v1/runs/:id/cancel', action: 'run.cancel' },
    {
      route: 'post /v1/runs/:id/retry',
      action: 'run.retry',
      ask: () => ended(made()).then(() => ({})),
    },
    { route: 'post /v1/runs/:id/cancel', action: 'run.cancel' },
    {
      route: 'post /v1/runs',
      action: 'run.start',
      ask: () => ({ body: { workflow: 'chorus', input: { values: ['one'] } } }),
    },
    {
      route: 'post /v1/runs/:id/undo',
      action: 'proposals.withdraw, undo.start',
      ask: async () => {
        await ended(made());
        return { body: { reason: 'a test' } };
      },
    },
    {
      route: 'put /v1/findings/:fingerprint/triage',
      action: 'finding.triage',
      ask: async () => {
        const response = await fetch(`${server}/v1/findings`);
        const { items } = await json<{ items: readonly { fingerprint: string }[] }>(response);
        return {
          path: `/v1/findings/${items[0]?.fingerprint}/triage`,
          body: { state: 'resolved' },
        };
      },
    },
    {
      route: 'post /v1/modules/:name/disable',
      action: 'stop.place',
      ask: () => ({ path: '/v1/modules/echo/disable', body: { reason: 'a test' } }),
    },
    {
      route: 'post /v1/modules/:name/enable',
      action: 'stop.lift',
      ask: () => ({ path: '/v1/modules/echo/enable', body: {} }),
    },
    {
      route: 'post /v1/webhooks',
      action: 'webhook.add',
      ask: () => ({ body: { url: 'https://example.com/hook' } }),
    },
    {
      route: 'patch /v1/webhooks/:id',
      action: 'webhook.change',
      ask: () => ({ body: { disabled: false } }),
    },
    {
      route: 'post /v1/webhooks/:id/rotate',
      action: 'webhook.rotate',
      ask: () => ({ body: {} }),
    },
    { route: 'post /v1/webhooks/:id/ping', action: 'webhook.ping' },
    { route: 'delete /v1/webhooks/:id', action: 'webhook.remove' },
    {
      route: 'post /v1/delegations',
      action: 'delegation.hand',
      ask: () => ({ body: { from: 'anna', to: 'ben', until: '2126-07-31T22:00:00Z' } }),
    },
    { route: 'delete /v1/delegations/:id', action: 'delegation.end' },
    {
      route: 'post /v1/denied-tokens',
      action: 'token.deny',
      ask: () => ({
        body: { issuer: 'https://issuer.example', id: 'x1', until: '2099-01-01T00:00:00Z' },
      }),
    },
    {
      route: 'post /v1/tasks',
      action: 'task.start',
      ask: () => ({ body: { agent: 'echo.say', input: { value: 'x' } } }),
    },
    {
      route: 'put /v1/settings/:name',
      action: 'setting.put',
      ask: () => ({ path: '/v1/settings/breaker', body: { value: {} } }),
    },
    {
      route: 'delete /v1/settings/:name',
      action: 'setting.reset',
      ask: () => ({ path: '/v1/settings/breaker' }),
    },
    {
      route: 'put /v1/budgets/:scope',
      action: 'setting.put',
      ask: () => ({ path: '/v1/budgets/tenant', body: { usdPerDay: '5' } }),
    },
    {
      route: 'delete /v1/budgets/:scope',
      action: 'setting.reset',
      ask: () => ({ path: '/v1/budgets/tenant' }),
    },
    {
      route: 'put /v1/stops/:reach',
      action: 'stop.place',
      ask: () => ({ path: '/v1/stops/tenant', body: { reason: 'a test' } }),
    },
    {
      route: 'delete /v1/stops/:reach',
      action: 'stop.lift',
      ask: () => ({ path: '/v1/stops/tenant' }),
    },
    { route: 'post /v1/agents', action: 'agent.publish', ask: () => ({ body: document }) },
    {
      route: 'post /v1/agents/:name/clone',
      action: 'agent.publish',
      ask: () => ({ path: '/v1/agents/mine/clone', body: { name: 'other' } }),
    },
    {
      route: 'put /v1/agents/:name',
      action: 'agent.publish',
      ask: () => ({
        path: '/v1/agents/mine',
        body: { version: 1, document: { ...document, purpose: 'Says it otherwise.' } },
      }),
    },
    {
      route: 'post /v1/agents/:name/rollback',
      action: 'agent.rollback',
      ask: () => ({ path: '/v1/agents/mine/rollback', body: {} }),
    },
    {
      route: 'delete /v1/agents/:name',
      action: 'agent.delete',
      ask: () => ({ path: '/v1/agents/other?version=1' }),
    },
    ...(
      [
        ['versions', 'draft', { document: policy }],
        ['publish', 'publish', {}],
        ['withdraw', 'withdraw', {}],
        ['rollback', 'rollback', { version: 1 }],
      ] as const
    ).map(([path, verb, body]) => ({
      ...{ route: `post /v1/policies/:name/${path}`, action: `policy.${verb}` },
      ask: () => ({ path: `/v1/policies/mine/${path}`, body }),
    })),
    {
      route: 'post /v1/workflows/:name/publish',
      action: 'workflow.publish',
      ask: () => ({ path: '/v1/workflows/chorus/publish', body: {} }),
    },
    {
      route: 'post /v1/workflows/:name/release',
      action: 'workflow.release',
      ask: () => ({ path: '/v1/workflows/chorus/release', body: {} }),
    },
    {
      route: 'post /v1/workflows/:name/rollback',
      action: 'workflow.rollback',
      ask: () => ({ path: '/v1/workflows/chorus/rollback', body: { to: 1 } }),
    },
    {
      route: 'post /v1/tools/:name/grants',
      action: 'setting.put',
      ask: () => ({ path: '/v1/tools/echo.value.read/grants', body: { agent: 'echo.hold' } }),
    },
    {
      route: 'delete /v1/tools/:name/grants',
      action: 'setting.put',
      ask: () => ({ path: '/v1/tools/echo.value.read/grants?agent=echo.hold' }),
    },
    {
      route: 'post /v1/keys',
      action: 'key.create',
      ask: () => ({ body: { name: 'a key', roles: ['viewer'] } }),
    },
    {
      route: 'post /v1/keys/:id/rotate',
      action: 'key.rotate',
      ask: () => ({ body: {} }),
    },
    { route: 'delete /v1/keys/:id', action: 'key.revoke' },
    {
      route: 'delete /v1/sessions/:id',
      action: 'session.end',
      ask: async () => {
        const key = await json<{ secret: string }>(
          await send('post', '/v1/keys', { name: 'a page', roles: ['viewer'] }),
        );
        const headers = { authorization: `Bearer ${key.secret}` };
        const begun = await fetch(`${server}/v1/sessions`, { method: 'POST', headers });
        return { path: String(begun.headers.get('location')) };
      },
    },
    {
      route: 'post /v1/tenants',
      action: 'tenant.create',
      ask: () => ({ body: { slug: 'theirs' } }),
    },
    {
      route: 'post /v1/tenants/:slug/suspend',
      action: 'tenant.suspend',
      ask: () => ({ path: '/v1/tenants/theirs/suspend', body: {} }),
    },
    {
      route: 'post /v1/tenants/:slug/resume',
      action: 'tenant.resume',
      ask: () => ({ path: '/v1/tenants/theirs/resume', body: {} }),
    },
  ];
}
