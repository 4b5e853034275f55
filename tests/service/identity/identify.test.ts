import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import { createApp, listen } from '../../../core/service/api/app.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { rawGet } from '../api/api.ts';
import { connect } from '../mcp/served.ts';
import { type ServedApi, serveHere } from './served.ts';

interface Me {
  readonly tenant: string;
  readonly actor: object;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
}

const me = async (response: Response): Promise<Me> => {
  assert.equal(response.status, 200);
  return (await response.json()) as Me;
};

describe('callers of this machine', function () {
  this.timeout(180_000);
  let served: ServedApi;
  before(async () => {
    served = await serveHere({ api: {} });
  });
  after(function () {
    return served.close(this);
  });

  it('are the owner without a key, and whoever their key says with one', async () => {
    verifies('R12.rbac');
    const local = await me(await served.ask('/v1/me'));
    const key = await served.key(served.theirs, ['viewer'], { person: 'ben' });
    const other = await me(await served.ask('/v1/me', key));

    assert.deepEqual(
      [local.tenant, local.actor, local.roles],
      ['ours', { kind: 'person', id: 'local' }, ['owner']],
    );
    assert.deepEqual([other.tenant, other.roles], ['theirs', ['viewer']]);
    assert.ok(
      local.permissions.includes('keys:write') && !other.permissions.includes('keys:write'),
    );
  });

  it('are nobody with a key that is wrong', async () => {
    for (const authorization of [
      'Bearer tutti_no',
      'Bearer x',
      'Basic bG9jYWw6',
      'tutti_',
      'Bearer ',
    ]) {
      const response = await served.ask('/v1/runs', null, { headers: { authorization } });
      assert.equal(response.status, 401, authorization);
      assert.equal(
        response.headers.get('www-authenticate'),
        'Bearer realm="tutti", error="invalid_token"',
      );
    }
  });

  it('are not those for whom a proxy on it asks', async () => {
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) {
      const response = await served.ask('/v1/runs', null, { headers: { [header]: '203.0.113.9' } });
      assert.equal(response.status, 401, header);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="tutti"');
    }
  });

  /** What the MCP server says to somebody who asks for its tools. */
  const atMcp = async (more: Record<string, string> = {}): Promise<number> => {
    const response = await served.ask('/mcp', null, {
      ...{ method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}' },
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        ...more,
      },
    });
    await response.text();
    return response.status;
  };

  it('are not those for whom a proxy on it asks the MCP server either', async () => {
    verifies('R10.authentication');
    assert.equal(await atMcp(), 200);
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'])
      assert.equal(await atMcp({ [header]: '203.0.113.9' }), 401, header);
  });

  it('are refused by the MCP server with their tenant', async () => {
    const actor = { kind: 'person', id: 'test' } as const;
    const { tenants } = served.identity;
    await tenants.suspend('ours', actor);
    await eventually(async () => (await served.ask('/v1/me')).status === 403);
    const refused = await atMcp();
    await tenants.resume('ours', actor);
    await eventually(async () => (await served.ask('/v1/me')).status === 200);

    assert.equal(refused, 403);
  });

  it('are asked for their name of it only where they have no key', async () => {
    const host = 'tutti.example.com';
    const key = await served.key(served.ours, ['viewer']);
    const { statusCode } = await rawGet(served.server, '/v1/me', { host });
    const named = await rawGet(served.server, '/v1/me', { host, authorization: `Bearer ${key}` });
    assert.deepEqual([statusCode, named.statusCode], [403, 200]);
  });

  it('are all there are, unless everybody needs a key', async () => {
    verifies('R12.config-security');
    const app = createApp({
      ...served.tutti,
      registry: served.tutti.host.registry,
      tenantId: served.ours,
    });
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com'])
      await assert.rejects(listen(app, { port: 0, host }), {
        code: 'CONFIG_INVALID',
        message: /keysOnly/,
      });
  });

  it('are refused with their tenant, which they do not suspend by themselves', async () => {
    const post = (path: string, key: string | null = null) =>
      served.ask(path, key, { method: 'POST' });
    assert.equal((await post('/v1/tenants/ours/suspend')).status, 400);
    const key = await served.key(served.theirs, ['operator']);
    assert.equal((await post('/v1/tenants/theirs/suspend')).status, 200);
    const refused = await served.ask('/v1/me', key);
    const { code } = (await refused.json()) as { readonly code: string };
    assert.deepEqual([refused.status, code], [403, 'TENANT_SUSPENDED']);
    assert.equal((await post('/v1/tenants/nobody/suspend')).status, 404);
    assert.equal((await post('/v1/tenants/theirs/resume')).status, 200);
  });
});

describe('callers from everywhere', function () {
  this.timeout(180_000);
  let served: ServedApi;
  before(async () => {
    served = await serveHere();
  });
  after(function () {
    return served.close(this);
  });

  it('are refused before anything that they send is read', async () => {
    const { port } = served.server;
    for (const path of ['/v1/runs', '/v1/nothing', '/mcp']) {
      const socket = connectTo(port, '127.0.0.1');
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`,
      );
      const [head] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();

      assert.match(head.toString(), /^HTTP\/1\.1 40[14] /, path);
    }
  });

  it('need a key for all but what is for everybody', async () => {
    verifies('R12.config-security', 'R10.health');
    const key = await served.key(served.ours, ['viewer']);
    const statusOf = async (path: string, credential: string | null = null) =>
      (await served.ask(path, credential)).status;

    assert.deepEqual([await statusOf('/v1/runs'), await statusOf('/v1/runs', key)], [401, 200]);
    assert.deepEqual([await statusOf('/livez'), await statusOf('/')], [200, 200]);
    const probe = await rawGet(served.server, '/readyz', { host: '10.1.2.3:4884' });
    assert.equal(probe.statusCode, 200);
  });

  it('make, rotate and revoke keys, each within what they may', async () => {
    const admin = await served.key(served.ours, ['tenant_admin']);
    const post = (path: string, body: object, credential = admin) =>
      served.ask(path, credential, {
        ...{ method: 'POST', body: JSON.stringify(body) },
        headers: { 'content-type': 'application/json' },
      });
    const made = await post('/v1/keys', { name: 'ci', roles: ['operator'], modules: ['echo'] });
    const { key, secret } = (await made.json()) as {
      key: { id: string; expiresAt: string };
      secret: string;
    };
    assert.deepEqual([made.status, made.headers.get('location')], [201, `/v1/keys/${key.id}`]);
    const days = (Date.parse(key.expiresAt) - Date.now()) / 86_400_000;
    assert.ok(days > 364.9 && days <= 365, `${days} days`);
    assert.deepEqual((await me(await served.ask('/v1/me', secret))).roles, ['operator']);

    assert.equal((await post('/v1/keys', { name: 'more', roles: ['owner'] })).status, 403);
    assert.equal(
      (await post('/v1/keys', { name: 'else', roles: ['viewer'], tenant: 'theirs' })).status,
      403,
    );
    assert.equal((await post('/v1/keys', { name: 'own', roles: ['viewer'] }, secret)).status, 403);
    const owner = await served.key(served.ours, ['owner']);
    const [ownerKey] = await served.identity.keys.list(served.ours);
    assert.equal((await post(`/v1/keys/${ownerKey?.id}/rotate`, {})).status, 403);
    const beyond = await post(
      '/v1/keys',
      { name: 'else', roles: ['tenant_admin'], tenant: 'theirs' },
      owner,
    );
    const { secret: elsewhere } = (await beyond.json()) as { readonly secret: string };
    assert.equal((await me(await served.ask('/v1/me', elsewhere))).tenant, 'theirs');

    const rotated = await post(`/v1/keys/${key.id}/rotate`, { overlapHours: 0 });
    const { secret: fresh } = (await rotated.json()) as { readonly secret: string };
    assert.equal((await served.ask('/v1/me', fresh)).status, 200);
    const revoked = await served.ask(`/v1/keys/${key.id}`, admin, { method: 'DELETE' });
    assert.equal(((await revoked.json()) as { readonly state: string }).state, 'revoked');
  });

  it('reach the MCP server by a key of its tenant as a whole', async () => {
    const url = new URL('/mcp', served.server.url);
    const statusOf = async (credential: string | null, more: Record<string, string> = {}) =>
      (
        await served.ask('/mcp', credential, {
          ...{ method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}' },
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...more,
          },
        })
      ).status;
    const client = await connect(url, await served.key(served.ours, ['viewer']));
    const { tools } = await client.listTools();
    await client.close();

    const names = tools.map(({ name }) => name);
    assert.ok(names.includes('get_run') && !names.includes('start_run'), names.join());
    assert.equal(await statusOf(null), 401);
    assert.equal(await statusOf('tutti_no'), 401);
    const viewer = await served.key(served.ours, ['viewer']);
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      assert.equal(await statusOf(viewer, { origin }), 403, origin);
    assert.notEqual(await statusOf(viewer, { origin: served.server.url }), 403);
    assert.equal(await statusOf(await served.key(served.theirs, ['owner'])), 403);
    assert.equal(
      await statusOf(await served.key(served.ours, ['operator'], { modules: ['echo'] })),
      403,
    );
  });
});
