import assert from 'node:assert/strict';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import type { Role } from '../../../core/service/identity/permission.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { json, problem } from './api.ts';

const fixture = (name: string) =>
  new URL(`../../support/fixtures/${name}.config.ts`, import.meta.url);
const business = { businessDate: '2026-06-30', timeZone: 'UTC' };

function send(method: string, body?: object, headers: Record<string, string> = {}): RequestInit {
  return {
    method,
    headers: { 'idempotency-key': crypto.randomUUID(), ...headers },
    ...(body && {
      headers: {
        ...{ 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
        ...headers,
      },
      body: JSON.stringify(body),
    }),
  };
}

describe('the reach of a key', () => {
  let api: ServedApi;
  const keys = { all: '', desk: '', hr: '' };

  before(async () => {
    api = await serveHere({ config: fixture('agents') });
    const of = (modules: readonly string[] | null, roles: readonly Role[] = ['module_admin']) =>
      api.key(api.ours, roles, { modules });
    keys.all = await of(null, ['tenant_admin']);
    keys.desk = await of(['desk']);
    keys.hr = await of(['hr']);
  });
  after(async function () {
    await api.close(this);
  });

  const names = async (path: string, key: string): Promise<readonly string[]> =>
    (await json<{ items: readonly { name: string }[] }>(await api.ask(path, key))).items.map(
      ({ name }) => name,
    );

  it('is what lists show, and what single ones are refused beyond', async () => {
    verifies('R10.authentication');
    for (const path of ['/v1/agents', '/v1/tools', '/v1/modules', '/v1/templates']) {
      const [all, own, none] = [
        await names(path, keys.all),
        await names(path, keys.desk),
        await names(path, keys.hr),
      ];
      assert.ok(own.length > 0, path);
      assert.deepEqual(
        none.filter((name) => name.startsWith('desk')),
        [],
        path,
      );
      assert.ok(own.every((name) => all.includes(name)));
    }
    for (const path of ['agents/desk.counter', 'tools/desk.word.count', 'modules/desk']) {
      assert.equal((await api.ask(`/v1/${path}`, keys.desk)).status, 200, path);
      await problem(await api.ask(`/v1/${path}`, keys.hr), 403, 'PERMISSION_DENIED');
    }
  });

  it('bounds what is made, granted, disabled and stopped', async () => {
    const refused = async (key: string, path: string, init: RequestInit) =>
      problem(await api.ask(`/v1/${path}`, key, init), 403, 'PERMISSION_DENIED');
    const document = { name: 'mine', purpose: 'Answers.', instructions: 'Say it.' };

    await refused(keys.desk, 'agents', send('POST', document));
    await refused(keys.hr, 'tools/desk.box.open/grants', send('POST', { agent: 'desk.counter' }));
    await refused(keys.hr, 'modules/desk/disable', send('POST', {}));
    await refused(keys.hr, 'stops/module:desk', send('PUT', {}));
    await refused(keys.hr, 'stops/agent:desk.counter', send('PUT', {}));
    await refused(keys.desk, 'stops/tenant', send('PUT', {}));
    await refused(keys.all, 'stops/all', send('PUT', {}));
    await refused(keys.desk, 'tasks', send('POST', { capability: 'counting', text: 'a b' }));
    assert.equal((await api.ask('/v1/stops/module:desk', keys.desk, send('PUT', {}))).status, 200);
    await refused(keys.hr, 'stops/module:desk', send('DELETE'));
    assert.equal((await api.ask('/v1/modules/desk/enable', keys.desk, send('POST'))).status, 200);
  });

  it('bounds which settings are changed, and leaves those of the installation to its owner', async () => {
    const refused = async (key: string, name: string, init: RequestInit) =>
      problem(await api.ask(`/v1/settings/${name}`, key, init), 403, 'PERMISSION_DENIED');
    const budget = send('PUT', { value: 5_000_000 });

    await refused(keys.all, 'breaker', send('PUT', { value: { failures: 1 } }));
    await refused(keys.all, 'breaker', send('DELETE'));
    await refused(keys.hr, 'budget:module:desk', budget);
    await refused(keys.desk, 'budget:tenant', budget);
    await refused(keys.desk, 'access', send('PUT', { value: [] }));
    const own = await api.ask('/v1/settings/budget:module:desk', keys.desk, budget);
    assert.equal(own.status, 200);
  });

  it('of a company does not reach what concerns all of them', async () => {
    const key = await api.key(api.ours, ['module_admin'], { companies: ['DE01'] });
    const stop = await api.ask('/v1/stops/module:desk', key, send('PUT', {}));
    const task = { agent: 'desk.counter', text: 'two words', ...business };

    await problem(stop, 403, 'PERMISSION_DENIED');
    await problem(await api.ask('/v1/tasks', key, send('POST', task)), 403, 'PERMISSION_DENIED');
    const own = await api.ask('/v1/tasks', key, send('POST', { ...task, company: 'DE01' }));
    assert.equal(own.status, 202);
    const at = own.headers.get('location') ?? '';
    const other = await api.key(api.ours, ['viewer'], { companies: ['FR01'] });
    assert.equal((await api.ask(at, key)).status, 200);
    await problem(await api.ask(at, other), 404, 'TASK_UNKNOWN');
  });

  it('keeps the actor of what a key changes', async () => {
    const document = { name: 'signed', purpose: 'Answers.', instructions: 'Say it.' };
    assert.equal((await api.ask('/v1/agents', keys.all, send('POST', document))).status, 201);

    const { history } = await json<{ history: readonly { actor: { kind: string } }[] }>(
      await api.ask('/v1/agents/signed/versions', keys.all),
    );

    assert.deepEqual(
      history.map(({ actor }) => actor.kind),
      ['key'],
    );
  });

  it('has late changes of agents and grants refused by their tags', async () => {
    const path = '/v1/agents/custom.tagged';
    const document = { purpose: 'Answers.', instructions: 'Say ONE.' };
    const body = { version: 1, document: { ...document, instructions: 'Say TWO.' } };
    await api.ask('/v1/agents', keys.all, send('POST', { ...document, name: 'tagged' }));
    const tag = (await api.ask(path, keys.all)).headers.get('etag') ?? '';
    const change = () => api.ask(path, keys.all, send('PUT', body, { 'if-match': tag }));

    const changed = await change();

    assert.equal(changed.status, 200);
    assert.equal((await api.ask(path, keys.all)).headers.get('etag'), changed.headers.get('etag'));
    await problem(await change(), 412, 'PRECONDITION_FAILED');
    const grants = '/v1/tools/desk.word.count/grants';
    const seen = (await api.ask(grants, keys.all)).headers.get('etag') ?? '';
    const give = () =>
      api.ask(grants, keys.all, send('POST', { agent: 'custom.tagged' }, { 'if-match': seen }));
    const given = await give();
    assert.equal(given.status, 200);
    assert.equal((await api.ask(grants, keys.all)).headers.get('etag'), given.headers.get('etag'));
    await problem(await give(), 412, 'PRECONDITION_FAILED');
  });

  it('lets one of several win that change the same by the same tag at once', async () => {
    const statuses = async (path: string, init: (at: number, tag: string) => RequestInit) => {
      const tag = (await api.ask(path, keys.all)).headers.get('etag') ?? '';
      const all = [1, 2, 3, 4, 5, 6].map((at) => api.ask(path, keys.all, init(at, tag)));
      return (await Promise.all(all)).map(({ status }) => status).sort();
    };
    const one = [200, 412, 412, 412, 412, 412];
    const budget = await statuses('/v1/settings/budget:module:desk', (at, tag) =>
      send('PUT', { value: at * 1_000_000 }, { 'if-match': tag }),
    );
    const grants = await statuses('/v1/tools/desk.box.open/grants', (at, tag) =>
      send('POST', { agent: `custom.grantee${at}` }, { 'if-match': tag }),
    );
    assert.deepEqual([budget, grants], [one, one]);
  });
});

describe('approvals by key', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveHere({ config: fixture('approvals') });
  });
  after(async function () {
    await api.close(this);
  });

  const keyOf = (person: string | null, roles: readonly Role[] = ['approver', 'operator']) =>
    api.key(api.ours, roles, { person });
  const decide = (id: string, key: string, more: object = {}) =>
    api.ask(`/v1/approvals/${id}/decision`, key, send('POST', { decision: 'granted', ...more }));

  /** The question of a run, once it asks. */
  async function askedBy(run: string, key: string): Promise<ApprovalView> {
    let items: readonly ApprovalView[] = [];
    await eventually(async () => {
      const list = await api.ask(`/v1/approvals?run=${run}`, key);
      items = (await json<{ items: readonly ApprovalView[] }>(list)).items;
      return items.length > 0;
    });
    return items[0] ?? assert.fail();
  }
  const start = async (key: string): Promise<ApprovalView> => {
    const body = { workflow: 'ask.two', input: { amount: 7 }, ...business };
    const { id } = await json<{ id: string }>(await api.ask('/v1/runs', key, send('POST', body)));
    return await askedBy(id, key);
  };

  it('take the word of the one person that a key acts for, and of nobody else', async () => {
    verifies('R12.approvals');
    const [anna, service] = [await keyOf('anna'), await keyOf(null)];
    const request = requestOf('ask.two', { tenantId: api.ours, input: { amount: 7 } });
    const { id: run } = await api.tutti.engine.startRun(request);
    const { id } = await askedBy(run, anna);

    await problem(await decide(id, anna, { as: 'ben' }), 400, 'INPUT_INVALID');
    await problem(await decide(id, service), 403, 'PERMISSION_DENIED');
    const { votes, yeses } = await json<ApprovalView>(await decide(id, anna));

    assert.deepEqual([yeses, votes.map(({ person }) => person)], [1, ['anna']]);
    assert.match(votes[0]?.via ?? '', /^key:/);
    const stranger = await keyOf('dora');
    await problem(await decide(id, stranger), 403, 'APPROVAL_NOT_YOURS');
    const viewer = await keyOf('ben', ['viewer']);
    await problem(await decide(id, viewer), 403, 'PERMISSION_DENIED');
  });

  it('are refused to the person for whom a key has asked, by whichever key', async () => {
    verifies('R12.approvals');
    const [first, second] = [await keyOf('anna'), await keyOf('Anna')];
    const { id, requestedBy } = await start(first);

    assert.deepEqual(requestedBy.onBehalfOf, ['anna', 'test']);
    await problem(await decide(id, first), 403, 'APPROVAL_NOT_YOURS');
    await problem(await decide(id, second), 403, 'APPROVAL_NOT_YOURS');
    assert.equal((await decide(id, await keyOf('ben'))).status, 200);
  });

  it('are refused to whoever has made the key that asked, and so has seen its text', async () => {
    verifies('R12.approvals');
    const all = { modules: null, companies: null, rate: null, expiresAt: null };
    const byBen = { kind: 'person', id: 'ben' } as const;
    const roles = ['operator'] as const;
    const service = { ...all, name: 'service', roles, person: null };
    const { secret } = await api.identity.keys.create(api.ours, service, byBen);
    const { id } = await start(secret);

    await problem(await decide(id, await keyOf('ben')), 403, 'APPROVAL_NOT_YOURS');
    assert.equal((await decide(id, await keyOf('anna'))).status, 200);
  });

  it('are given by one person for two by no key that they make for who has made theirs', async () => {
    verifies('R12.approvals');
    const all = { modules: null, companies: null, rate: null, expiresAt: null };
    const own = { ...all, name: 'own', roles: ['owner'] as const, person: 'anna' };
    const { secret } = await api.identity.keys.create(api.ours, own, { kind: 'person', id: 'ben' });
    const request = { name: 'second', roles: ['approver'], person: 'ben' };
    const made = await api.ask('/v1/keys', secret, send('POST', request));

    await problem(made, 403, 'PERMISSION_DENIED');
  });

  it('are shown to nobody whose companies or modules they are not of', async () => {
    const anna = await keyOf('anna');
    const { id } = await start(anna);
    const bounded = await api.key(api.ours, ['approver'], { companies: ['DE01'], person: 'ben' });
    const { items } = await json<{ items: readonly ApprovalView[] }>(
      await api.ask('/v1/approvals', bounded),
    );

    assert.deepEqual(items, []);
    await problem(await api.ask(`/v1/approvals/${id}`, bounded), 403, 'PERMISSION_DENIED');
    await problem(await decide(id, bounded), 403, 'PERMISSION_DENIED');
  });
});

describe('findings by key', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveHere();
    await api.tutti.run('chorus', { tenantId: api.ours, input: { values: ['a'] } });
  });
  after(async function () {
    await api.close(this);
  });

  it('are seen and triaged by those whose modules and companies they are of', async () => {
    const of = (more: object, roles: readonly Role[] = ['operator']) =>
      api.key(api.ours, roles, more);
    const list = async (key: string) =>
      (
        await json<{ items: readonly { fingerprint: string }[] }>(
          await api.ask('/v1/findings', key),
        )
      ).items;
    const [own, viewer] = [await of({ modules: ['echo'] }), await of({}, ['viewer'])];
    const [finding] = await list(own);
    const path = `/v1/findings/${finding?.fingerprint}`;
    const say = (key: string) => api.ask(`${path}/triage`, key, send('PUT', { state: 'accepted' }));

    for (const key of [await of({ modules: ['hr'] }), await of({ companies: ['DE01'] })]) {
      assert.deepEqual(await list(key), []);
      await problem(await api.ask(path, key), 404, 'FINDING_UNKNOWN');
      await problem(await say(key), 404, 'FINDING_UNKNOWN');
    }
    const theirs = await api.key(api.theirs, ['operator']);
    await problem(await say(theirs), 404, 'FINDING_UNKNOWN');
    await problem(await say(viewer), 403, 'PERMISSION_DENIED');
    assert.equal((await say(own)).status, 200);
  });
});

describe('webhooks by key', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveHere();
  });
  after(async function () {
    await api.close(this);
  });

  it('are shown, pinged and replayed by those who may see what they tell of', async () => {
    verifies('R12.rbac');
    const owner = await api.key(api.ours, ['owner']);
    const post = async <T>(path: string, key: string, body?: object) =>
      json<T>(await api.ask(path, key, send('POST', body)));
    const add = async (filters: object) => {
      const body = { url: 'https://example.com/tutti', ...filters };
      const { webhook } = await post<{ webhook: { id: string } }>('/v1/webhooks', owner, body);
      const pinged = await post<{ delivery: string }>(`/v1/webhooks/${webhook.id}/ping`, owner);
      return { webhook: webhook.id, delivery: pinged.delivery };
    };
    const all = await add({});
    const own = await add({ modules: ['echo'], companies: ['DE01'] });
    const of = (more: object) => api.key(api.ours, ['tenant_admin'], more);
    const ids = async (path: string, key: string) => {
      const { items } = await json<{ items: readonly { id: string }[] }>(await api.ask(path, key));
      return items.map(({ id }) => id);
    };
    const echo = await of({ modules: ['echo'], companies: ['DE01', 'FR01'] });

    assert.deepEqual(await ids('/v1/webhooks', echo), [own.webhook]);
    assert.deepEqual(await ids('/v1/deliveries', echo), [own.delivery]);
    assert.equal((await api.ask(`/v1/webhooks/${own.webhook}`, echo)).status, 200);
    assert.equal((await api.ask(`/v1/deliveries/${own.delivery}`, echo)).status, 200);
    assert.equal((await ids('/v1/deliveries', owner)).length, 2);
    const others = [await of({ modules: ['hr'] }), await of({ companies: ['FR01'] })];
    for (const [key, { webhook, delivery }] of [
      [echo, all],
      ...others.map((each) => [each, own] as const),
    ] as const) {
      const refused = async (path: string, init?: RequestInit) =>
        problem(await api.ask(path, key, init), 403, 'PERMISSION_DENIED');
      await refused(`/v1/webhooks/${webhook}`);
      await refused(`/v1/webhooks/${webhook}/ping`, send('POST'));
      await refused(`/v1/deliveries/${delivery}`);
      await refused(`/v1/deliveries/${delivery}/replay`, send('POST'));
    }
    for (const key of others) {
      assert.deepEqual(await ids('/v1/webhooks', key), []);
      assert.deepEqual(await ids(`/v1/deliveries?webhook=${own.webhook}`, key), []);
    }
  });
});

describe('keys and tenants by key', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveHere();
  });
  after(async function () {
    await api.close(this);
  });

  it('are ended, made and suspended by no key that reaches less than they do', async () => {
    verifies('R12.rbac');
    const whole = await api.key(api.ours, ['tenant_admin']);
    const [target] = await api.identity.keys.list(api.ours);
    const elsewhere = { name: 'other', roles: ['viewer'], tenant: 'theirs' };
    for (const bounds of [{ modules: ['hr'] }, { companies: ['DE01'] }]) {
      const owner = await api.key(api.ours, ['owner'], bounds);
      const [own] = await api.identity.keys.list(api.ours);
      const refused = async (path: string, init: RequestInit) =>
        problem(await api.ask(path, owner, init), 403, 'PERMISSION_DENIED');
      await refused(`/v1/keys/${target?.id}`, send('DELETE'));
      await refused(
        '/v1/keys',
        send('POST', { ...elsewhere, modules: ['hr'], companies: ['DE01'] }),
      );
      await refused('/v1/tenants', send('POST', { slug: 'third' }));
      await refused('/v1/tenants/theirs/suspend', send('POST'));
      await refused('/v1/tenants/theirs/resume', send('POST'));
      assert.equal((await api.ask(`/v1/keys/${own?.id}`, owner, send('DELETE'))).status, 200);
    }
    assert.equal((await api.ask('/v1/me', whole)).status, 200);
  });
});
