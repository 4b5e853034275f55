import assert from 'node:assert/strict';
import { apiPartsOf } from '../../../bin/api.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { Identity } from '../../../core/service/identity/identity.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from '../api/api.ts';
import { type ServedApi, serveHere } from './served.ts';

interface Session {
  readonly id: string;
  readonly isCurrent: boolean;
  readonly roles: readonly string[];
}

interface Own {
  readonly session: Session;
  readonly csrfToken: string;
}

interface Page {
  readonly items: readonly Session[];
}

/** A browser that is signed in: what it sends, and what its page adds. */
interface SignedIn extends Own {
  readonly cookie: string;
  readonly setCookie: string;
  readonly page: Readonly<Record<string, string>>;
}

const api = { keysOnly: true, proxies: 1, rates: { small: { perMinute: 50 } } };

describe('/v1/sessions', function () {
  this.timeout(180_000);
  let served: ServedApi;
  let clock: FakeClock;

  before(async () => {
    clock = new FakeClock(Date.now());
    served = await serveHere({ api, clock });
  });
  after(function () {
    return served.close(this);
  });

  const signIn = async (key: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await served.ask('/v1/sessions', key, { method: 'POST', headers });
    const [setCookie = ''] = response.headers.getSetCookie();
    const own = await json<Own>(response);
    assert.deepEqual(
      [response.status, response.headers.get('location')],
      [201, `/v1/sessions/${own.session.id}`],
    );
    const cookie = setCookie.split(';')[0] ?? '';
    const page = { cookie, 'x-csrf-token': own.csrfToken, 'sec-fetch-site': 'same-origin' };
    return { ...own, cookie, setCookie, page } satisfies SignedIn;
  };
  const ask = (
    path: string,
    headers: Readonly<Record<string, string>>,
    { method = 'GET', body }: { readonly method?: string; readonly body?: object } = {},
  ) =>
    served.ask(path, null, {
      method,
      headers: { 'content-type': 'application/json', 'idempotency-key': 'one', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const run = { method: 'POST', body: { workflow: 'chorus', input: { values: ['a'] } } };

  it('begins one for who has a key, and sets a cookie that no script reads', async () => {
    verifies('R9.sessions');
    const key = await served.key(served.ours, ['operator'], { person: 'anna' });
    const { session, setCookie, cookie, csrfToken } = await signIn(key);
    const whole = await json<Own>(await ask('/v1/sessions/current', { cookie }));

    assert.match(setCookie, /^tutti=tutti_session_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.deepEqual(whole, { session, csrfToken });
    assert.ok(session.isCurrent && !JSON.stringify(whole).includes(cookie.slice(-43)));
    const [me, same] = await Promise.all([ask('/v1/me', { cookie }), served.ask('/v1/me', key)]);
    assert.equal(me.status, 200);
    const byKey = await json<{ readonly hasSession: boolean }>(same);
    assert.equal(byKey.hasSession, false);
    assert.deepEqual(await me.json(), { ...byKey, hasSession: true });
  });

  it('sets a cookie of this origin alone where there is TLS, and takes no other there', async () => {
    verifies('R9.sessions');
    const key = await served.key(served.ours, ['viewer']);
    const tls = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' };
    const { setCookie, cookie } = await signIn(key, tls);
    const value = cookie.replace('__Host-tutti=', '');

    assert.match(
      setCookie,
      /^__Host-tutti=tutti_session_[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    assert.equal((await ask('/v1/me', { ...tls, cookie })).status, 200);
    await problem(
      await ask('/v1/me', { ...tls, cookie: `tutti=${value}` }),
      401,
      'UNAUTHENTICATED',
    );
    await problem(await ask('/v1/me', { cookie }), 401, 'UNAUTHENTICATED');
  });

  it('lets a cookie without its CSRF token change nothing, on no route', async () => {
    verifies('R9.sessions');
    const key = await served.key(served.ours, ['owner', 'approver']);
    const [{ cookie }, other] = [await signIn(key), await signIn(key)];
    const changing = served.routes.filter(
      ({ method, permission }) => method !== 'get' && permission !== null,
    );
    const wrong: string[] = [];
    for (const { method, path } of changing)
      for (const token of [undefined, other.csrfToken, '']) {
        const place = path.replaceAll(/:\w+/g, '01890000-0000-7000-8000-000000000000');
        const headers = { cookie, ...(token !== undefined && { 'x-csrf-token': token }) };
        const response = await ask(place, headers, { method: method.toUpperCase() });
        const { code } = await json<{ readonly code: string }>(response);
        if (response.status !== 403 || code !== 'CSRF_TOKEN_REFUSED')
          wrong.push(`${method} ${path}: ${response.status} ${code}`);
      }

    assert.ok(changing.length > 40, `${changing.length} routes`);
    assert.deepEqual(wrong, []);
    assert.equal((await ask('/v1/runs', { cookie })).status, 200);
  });

  it('lets pages of this address alone change something', async () => {
    verifies('R9.sessions');
    const { page } = await signIn(await served.key(served.ours, ['operator']));
    for (const strange of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${served.server.url}0` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ])
      await problem(await ask('/v1/runs', { ...page, ...strange }, run), 403, 'ORIGIN_REFUSED');

    const own = await ask('/v1/runs', { ...page, origin: served.server.url }, run);

    assert.equal(own.status, 202);
  });

  it('begins none for a session, nor for pages of others', async () => {
    const key = await served.key(served.ours, ['viewer']);
    const { page } = await signIn(key);
    const begin = (headers: Readonly<Record<string, string>>) =>
      ask('/v1/sessions', headers, { method: 'POST' });

    await problem(await begin(page), 401, 'UNAUTHENTICATED');
    const strange = { authorization: `Bearer ${key}`, origin: 'https://evil.example' };
    await problem(await begin(strange), 403, 'ORIGIN_REFUSED');
  });

  it('signs out, and says so to who comes back', async () => {
    verifies('R9.sessions');
    const { page, session } = await signIn(await served.key(served.ours, ['viewer']));
    const out = await ask('/v1/sessions/current', page, { method: 'DELETE' });
    clock.pass(999);
    const back = await ask('/v1/me', page);

    assert.equal(out.status, 204);
    for (const { headers } of [out, back])
      assert.match(headers.getSetCookie()[0] ?? '', /^tutti=; Path=\/; Expires=Thu, 01 Jan 1970/);
    await problem(back, 401, 'SESSION_ENDED');
    const { rows } = await served.tutti.host.database
      .pool('tutti_engine', 1)
      .query(
        `SELECT action, actor->>'kind' AS kind FROM tutti.audit WHERE target = $1 ORDER BY seq`,
        [session.id],
      );
    assert.deepEqual(rows, [
      { action: 'session.begin', kind: 'key' },
      { action: 'session.end', kind: 'key' },
    ]);
  });

  it('ends with its key', async () => {
    verifies('R9.sessions');
    const admin = await served.key(served.ours, ['tenant_admin']);
    const { cookie } = await signIn(await served.key(served.ours, ['viewer'], { name: 'going' }));
    const going = (await served.identity.keys.list(served.ours)).find(
      ({ name }) => name === 'going',
    );
    assert.equal((await ask('/v1/me', { cookie })).status, 200);

    await served.ask(`/v1/keys/${going?.id}`, admin, { method: 'DELETE' });
    clock.pass(999);

    await problem(await ask('/v1/me', { cookie }), 401, 'SESSION_ENDED');
  });

  it('lets everybody see and end their own, and administrators those of all', async () => {
    verifies('R9.sessions');
    const [anna, ben, admin] = await Promise.all([
      served.key(served.theirs, ['viewer'], { person: 'anna' }),
      served.key(served.theirs, ['operator'], { person: 'ben' }),
      served.key(served.theirs, ['tenant_admin']),
    ]);
    const stranger = await served.key(served.ours, ['owner']);
    const narrow = await served.key(served.theirs, ['tenant_admin'], { modules: ['echo'] });
    const [one, two, other] = [await signIn(anna), await signIn(anna), await signIn(ben)];
    const listed = async (key: string) =>
      (await json<Page>(await served.ask('/v1/sessions', key))).items.map(({ id }) => id).sort();
    const [all, own] = [
      [one, two, other],
      [one, two],
    ].map((each) => each.map(({ session }) => session.id).sort());
    assert.deepEqual([await listed(anna), await listed(admin)], [own, all]);
    const { items } = await json<Page>(await ask('/v1/sessions', one.page));
    assert.deepEqual(
      items.filter(({ isCurrent }) => isCurrent).map(({ id }) => id),
      [one.session.id],
    );

    const path = `/v1/sessions/${one.session.id}`;
    const end = (key: string, of = path) => served.ask(of, key, { method: 'DELETE' });
    for (const key of [ben, stranger, narrow]) {
      await problem(await served.ask(path, key), 404, 'SESSION_UNKNOWN');
      await problem(await end(key), 404, 'SESSION_UNKNOWN');
    }
    assert.equal((await end(admin)).status, 204);
    await problem(await end(admin), 404, 'SESSION_UNKNOWN');
    assert.deepEqual(await json(await end(anna, '/v1/sessions')), { ended: 1 });
    assert.deepEqual(await listed(admin), [other.session.id]);
  });

  it('goes behind a key in the header', async () => {
    const [viewer, operator] = await Promise.all([
      served.key(served.ours, ['viewer']),
      served.key(served.ours, ['operator']),
    ]);
    const { cookie } = await signIn(viewer);
    const both = { cookie, authorization: `Bearer ${operator}` };

    const me = await json<Session>(await ask('/v1/me', both));
    assert.deepEqual(me.roles, ['operator']);
    await problem(await ask('/v1/sessions/current', both), 404, 'SESSION_UNKNOWN');
    await problem(
      await ask('/v1/me', { cookie, authorization: 'Bearer no' }),
      401,
      'TOKEN_REFUSED',
    );
  });

  it('uses the rate of its key', async () => {
    verifies('R9.sessions');
    const key = await served.key(served.ours, ['viewer'], { rate: 'small' });
    const left = (response: Response) =>
      Number(/r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1]);
    const { cookie } = await signIn(key);

    assert.equal(left(await ask('/v1/me', { cookie })), 44);
    assert.equal(left(await served.ask('/v1/me', key)), 43);
  });

  it('means nothing to the MCP server', async () => {
    verifies('R9.sessions');
    const { page } = await signIn(await served.key(served.ours, ['owner']));
    const response = await ask(
      '/mcp',
      { ...page, accept: 'application/json, text/event-stream' },
      { method: 'POST', body: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} } },
    );

    assert.equal(response.status, 401);
  });

  describe('on two servers', () => {
    let other: Listening;
    before(async () => {
      const { tutti, ours: tenantId } = served;
      const { database } = tutti.host;
      const pool = database.pool('tutti_engine', 2);
      const identity = new Identity({ database, pool, config: {}, tenantId, clock });
      const parts = apiPartsOf(tutti.host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
      other = await listen(createApp({ ...parts, identity, api }), { port: 0 });
    });
    after(() => other.close());

    it('are known to both, and ended for both', async () => {
      verifies('R9.sessions');
      const { page } = await signIn(await served.key(served.ours, ['viewer']));
      const there = (path: string, method = 'GET') =>
        fetch(other.url + path, { method, headers: page });
      assert.equal((await there('/v1/me')).status, 200);
      assert.equal((await ask('/v1/me', page)).status, 200);

      assert.equal((await there('/v1/sessions/current', 'DELETE')).status, 204);
      clock.pass(999);

      await problem(await ask('/v1/me', page), 401, 'SESSION_ENDED');
      await problem(await there('/v1/me'), 401, 'SESSION_ENDED');
    });
  });
});

describe('a session where this machine needs no key', function () {
  this.timeout(180_000);
  let served: ServedApi;
  before(async () => {
    served = await serveHere({ api: {} });
  });
  after(function () {
    return served.close(this);
  });

  it('is whoever its key is, and never the owner once it has ended', async () => {
    verifies('R9.sessions');
    const key = await served.key(served.theirs, ['viewer']);
    const begun = await served.ask('/v1/sessions', key, { method: 'POST' });
    const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const me = await served.ask('/v1/me', null, { headers: { cookie } });
    assert.equal((await json<{ readonly tenant: string }>(me)).tenant, 'theirs');

    const stale = { cookie: `tutti=tutti_session_${'A'.repeat(43)}` };
    const refused = await served.ask('/v1/me', null, { headers: stale });

    assert.match(refused.headers.getSetCookie()[0] ?? '', /^tutti=;/);
    await problem(refused, 401, 'SESSION_ENDED');
  });

  it('is begun with a key all the same', async () => {
    await problem(
      await served.ask('/v1/sessions', null, { method: 'POST' }),
      401,
      'UNAUTHENTICATED',
    );
  });
});
