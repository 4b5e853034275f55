import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import type { Route } from '../../../core/service/api/route.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from './served.ts';

/** Routes whose parameter is a word and no id of a tenant's: each tenant has what is its own under it. */
const words: readonly (readonly [RegExp, string])[] = [
  [/^\/v1\/tools\//, 'tools are of the loaded code'],
  [/^\/v1\/settings\//, 'settings are named by the release'],
  [/^\/v1\/budgets\//, 'budgets are named by what they limit'],
  [/^post \/v1\/workflows\/:name\/publish$/, 'each tenant publishes under the names that it likes'],
  [/^post \/v1\/policies\/:name\/versions$/, 'each tenant writes under the names that it likes'],
  [/^put \/v1\/stops\//, 'a stop is named by what it stops'],
  [/^\/v1\/tenants\//, 'tenants are for the owner of the installation alone'],
  [/^\/v1\/mcp\//, 'MCP servers are of the configuration'],
  [/^\/v1\/hooks\/:/, 'sources and hooks are of the configuration and the loaded code'],
  [/^\/v1\/templates\//, 'templates are of the loaded code'],
  [/^\/v1\/modules\//, 'modules are of the loaded code'],
  [/^\/v1\/schedules\//, 'schedules are declared by the loaded code'],
];

/** What a request needs to come as far as its id. */
const bodies: Readonly<Record<string, unknown>> = {
  'patch /v1/runs/:id': { priority: 7 },
  'post /v1/runs/:id/undo': { reason: 'wrong' },
  'post /v1/approvals/:id/decision': { decision: 'granted' },
  'post /v1/effects/:key/settle': { verdict: 'did-not-happen', reason: 'looked' },
  'post /v1/agents/:name/clone': { name: 'copy' },
  'put /v1/agents/:name': { version: 1, document: { purpose: 'Answers.', instructions: 'Say' } },
  'put /v1/findings/:fingerprint/triage': { state: 'accepted' },
};

const queries: Readonly<Record<string, string>> = {
  'get /v1/workflows/:name/diff': '?from=1&to=1',
  'get /v1/policies/:name': '?version=1',
  'get /v1/policies/:name/diff': '?from=1&to=1',
};

interface Made {
  readonly id?: string;
  readonly webhook?: { readonly id: string };
  readonly session?: { readonly id: string };
  readonly delivery?: string;
}

describe("another tenant's ids", function () {
  this.timeout(180_000);
  let served: ServedApi;
  let ours: string;
  let theirs: string;
  /** By the beginning of a path: what stands for its parameter, of our tenant. */
  let ids: readonly (readonly [string, string])[];

  before(async () => {
    served = await serveHere();
    ours = await served.key(served.ours, ['owner'], { person: 'anna' });
    theirs = await served.key(served.theirs, ['owner'], { person: 'ben' });
    ids = await makeAll();
  });
  after(function () {
    return served.close(this);
  });

  const send = (method: string, path: string, { key, body }: { key: string; body?: unknown }) =>
    served.ask(path, key, {
      method: method.toUpperCase(),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json', 'idempotency-key': newId() },
    });

  const made = async (path: string, body: unknown): Promise<Made> => {
    const response = await send('post', path, { key: ours, body });
    assert.ok(response.ok, `${path} ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as Made;
  };

  async function makeAll() {
    const { tutti, ours: tenantId } = served;
    const run = await tutti.run('chorus', { tenantId, input: { values: ['a'] } });
    const task = await made('/v1/tasks', { agent: 'echo.say', input: { value: 'b' } });
    await made('/v1/agents', { name: 'clerk', purpose: 'Answers.', instructions: 'Say ONE' });
    for (const value of ['one', 'two']) {
      const nodes = [{ kind: 'task', id: 'say', agent: 'echo.say', input: { value } }];
      const document = JSON.stringify({ name: 'our_rounds', nodes });
      await made('/v1/workflows/our_rounds/publish', { document });
    }
    // One that is wider: it only asks, so that there is something to agree to.
    const grants = [{ agents: ['echo.nobody'], tools: ['echo.nothing'], autonomy: 'act' }];
    await made('/v1/policies/our_rules/versions', { document: { name: 'our_rules', grants } });
    await made('/v1/policies/our_rules/publish', {});
    await send('put', '/v1/stops/module:echo', { key: ours, body: { reason: 'a test' } });
    const pool = tutti.host.database.pool('tutti_engine', 1);
    const effect = 'ab'.repeat(32);
    await pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state)
       VALUES ($1, decode($2, 'hex'), $3, 1, 1, 'echo.note.propose', '\\x00', '{"kind":"agent","id":"echo.say"}', '\\x00', 'needs_review')`,
      [tenantId, effect, run.id],
    );
    const facts = { tenantId, id: run.id, actor: { kind: 'person', id: 'carl' } } as RunFacts;
    const question = {
      step: 1,
      path: 'ask',
      title: 'Go?',
      shown: {},
      by: ['anna', 'ben'],
      required: 2,
    };
    const approval = await new Approvals(pool).ask(facts, {
      ...question,
      expiresMs: 600_000,
    });
    // Not the one that asks: whoever revokes that has no session any more.
    await served.key(tenantId, ['viewer']);
    const [key] = await served.identity.keys.list(tenantId);
    const listed = await served.ask('/v1/findings', ours);
    const { items } = (await listed.json()) as { items: { readonly fingerprint: string }[] };
    const [finding] = items;
    const { webhook } = await made('/v1/webhooks', { url: 'https://example.com/tutti' });
    const { delivery } = await made(`/v1/webhooks/${webhook?.id}/ping`, undefined);
    const { session } = await made('/v1/sessions', undefined);
    const delegation = await made('/v1/delegations', {
      to: 'carl',
      until: new Date(Date.now() + 600_000),
    });
    const [event, backfill] = [newId(), newId()];
    await pool.query(
      `INSERT INTO tutti.hook_event (tenant_id, source, dedupe, id) VALUES ($1, 'frappe', 'one', $2)`,
      [tenantId, event],
    );
    await pool.query(
      `INSERT INTO tutti.backfill (tenant_id, id, schedule, key, from_at, to_at, reprocess, max_active_runs, run_order, state, actor)
       VALUES ($1, $2, 'evening', 'one', now(), now(), 'none', 1, 'forwards', 'running', '{"kind":"person","id":"anna"}')`,
      [tenantId, backfill],
    );
    return [
      ['/v1/webhooks/', webhook?.id ?? ''],
      ['/v1/deliveries/', delivery ?? ''],
      ['/v1/erp-events/', event],
      ['/v1/backfills/', backfill],
      ['/v1/runs/', run.id],
      ['/report/', run.id],
      ['/v1/tasks/', task.id ?? ''],
      ['/v1/approvals/', approval.id],
      ['/v1/delegations/', delegation.id ?? ''],
      ['/v1/effects/', effect],
      ['/v1/sessions/', session?.id ?? ''],
      ['/v1/keys/', key?.id ?? ''],
      ['/v1/agents/', 'custom.clerk'],
      ['/v1/workflows/', 'our_rounds'],
      ['/v1/policies/', 'our_rules'],
      ['/v1/findings/', finding?.fingerprint ?? ''],
      ['/v1/stops/', 'module:echo'],
    ] as const;
  }

  const nameOf = ({ method, path }: Route) => `${method} ${path}`;
  const isWord = (route: Route) =>
    words.some(([pattern]) => pattern.test(route.path) || pattern.test(nameOf(route)));
  const call = (route: Route, key: string) => {
    const id = ids.find(([start]) => route.path.startsWith(start))?.[1];
    assert.ok(
      id,
      `${nameOf(route)} takes an id that this test has none of: add one, or say why it is a word`,
    );
    const named = route.path.replace(':step', encodeURIComponent('voices[a]')).replace(':no', '1');
    const path = named.replaceAll(/:\w+/g, encodeURIComponent(id)) + (queries[nameOf(route)] ?? '');
    const body = bodies[nameOf(route)] ?? (route.body ? {} : undefined);
    return send(route.method, path, { key, body });
  };

  it('are unknown on every route that takes one, and stay what they are', async () => {
    verifies('R12.tenancy');
    const taking = served.routes.filter((route) => route.path.includes(':') && !isWord(route));
    assert.ok(taking.length >= 25, `${taking.length} routes`);
    const wrong: string[] = [];
    for (const route of taking) {
      const response = await call(route, theirs);
      if (response.status !== 404)
        wrong.push(`${nameOf(route)}: ${response.status} ${await response.text()}`);
      else await response.body?.cancel();
    }
    // What deletes comes last; what is ours is there for us, or the refusals above would prove nothing.
    const order = [...taking].sort(
      (one, other) => Number(one.method === 'delete') - Number(other.method === 'delete'),
    );
    for (const route of order) {
      const response = await call(route, ours);
      if (response.status === 404)
        wrong.push(`${nameOf(route)} of our own: ${response.status} ${await response.text()}`);
      else await response.body?.cancel();
    }
    assert.deepEqual(wrong, []);
  });

  it('are in no list', async () => {
    const lists = served.routes.filter(({ method, path, permission }) => {
      return method === 'get' && !path.includes(':') && permission !== null;
    });
    const mine = ids.filter(([start]) => start !== '/v1/stops/').map(([, id]) => id);
    const wrong: string[] = [];
    for (const { path } of lists) {
      const response = await served.ask(path, theirs);
      const text = await response.text();
      for (const id of mine) if (text.includes(id)) wrong.push(`${path} tells of ${id}`);
    }
    assert.ok(lists.length >= 15, `${lists.length} lists`);
    assert.deepEqual(wrong, []);
  });
});
