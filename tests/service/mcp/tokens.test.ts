import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { isEngineError } from '../../../core/base/errors.ts';
import { Tokens } from '../../../core/service/mcp/tokens.ts';
import { verifies } from '../../support/verifies.ts';
import { connect, connectFormer, dataOf, type ServedMcp, serveMcpHere } from './served.ts';

const resource = 'https://tutti.example.com/mcp';
const issuer = 'https://issuer.example.com/';
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** An issuer of tokens, with its keys on an address of its own. */
async function openIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const foreign = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  let fetches = 0;
  const server: Server = createServer((_request, response) => {
    fetches += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sign = (claims: object = {}, options: { foreign?: boolean; expires?: string } = {}) =>
    new SignJWT({ client_id: 'planner', scope: 'tutti.read tutti.run', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer((claims as { iss?: string }).iss ?? issuer)
      .setSubject('anna')
      .setAudience((claims as { aud?: string }).aud ?? resource)
      .setExpirationTime(options.expires ?? '5m')
      .sign(options.foreign ? foreign.privateKey : privateKey);
  return {
    sign,
    jwksUrl: `http://127.0.0.1:${port}/keys`,
    get fetches() {
      return fetches;
    },
    close: () => server.close(),
  };
}

describe('/mcp with tokens', () => {
  let from: Awaited<ReturnType<typeof openIssuer>>;
  let served: ServedMcp;

  before(async () => {
    from = await openIssuer();
    const issuers = [{ issuer, jwksUrl: from.jwksUrl, algorithms: ['ES256'] }];
    served = await serveMcpHere({ serve: { resource, issuers } });
  });
  after(async function () {
    from.close();
    await served.close(this);
  });

  const post = (token: string | null, asked: string = body) =>
    fetch(served.url, {
      ...{ method: 'POST', body: asked },
      headers: { ...headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
    });

  it('says where tokens come from', async () => {
    verifies('R10.authentication');
    const refused = await post(null);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    const path = '/.well-known/oauth-protected-resource/mcp';

    assert.equal(refused.status, 401);
    assert.match(challenge, /^Bearer /);
    assert.doesNotMatch(challenge, /error=/);
    assert.ok(challenge.includes(`resource_metadata="https://tutti.example.com${path}"`));
    const metadata = await fetch(new URL(path, served.url));
    assert.deepEqual(await metadata.json(), {
      resource,
      authorization_servers: [issuer],
      scopes_supported: ['tutti.read', 'tutti.run'],
      bearer_methods_supported: ['header'],
      resource_name: 'Tutti',
    });
  });

  it('lets callers with a token in, of both eras', async () => {
    const token = await from.sign();
    for (const open of [connect, connectFormer]) {
      const client = await open(served.url, token);
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === 'start_run'));
      await client.close();
    }
  });

  it('writes down who called, and for whom', async () => {
    const client = await connect(served.url, await from.sign());
    const asked = { workflow: 'chorus', key: 'who', input: { values: [] } };
    const { id } = dataOf<{ readonly id: string }>(
      await client.callTool({ name: 'start_run', arguments: asked }),
    );
    await client.close();

    const pool = served.tutti.host.database.pool('tutti_engine', 1);
    const { rows } = await pool.query('SELECT actor FROM tutti.run WHERE id = $1', [id]);
    const actor = { kind: 'agent', id: 'mcp:planner', onBehalfOf: ['anna'] };
    assert.deepEqual(rows, [{ actor }]);
  });

  it('refuses tokens for others, of others, changed, expired and unsigned', async () => {
    const good = await from.sign();
    const [head, claims, signature] = good.split('.') as [string, string, string];
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    const bad: Readonly<Record<string, string>> = {
      'a foreign audience': await from.sign({ aud: 'https://other.example.com/mcp' }),
      'a foreign issuer': await from.sign({ iss: 'https://other.example.com/' }),
      'a foreign key': await from.sign({}, { foreign: true }),
      'one that has expired': await from.sign({}, { expires: '-1m' }),
      'one without a signature': `${unsigned}.${claims}.`,
      'one that was changed': `${head}.${claims.slice(0, -3)}AAA.${signature}`,
      'no token': 'x.y.z',
    };
    for (const [what, token] of Object.entries(bad)) {
      const { status, headers: told } = await post(token);
      assert.equal(status, 401, what);
      assert.match(told.get('www-authenticate') ?? '', /error="invalid_token"/, what);
    }
    assert.equal((await post(await from.sign({}, { expires: '-20s' }))).status, 200);
    assert.equal(from.fetches, 1);
  });

  it('offers and does what the scopes allow', async () => {
    const reader = await connect(served.url, await from.sign({ scope: 'tutti.read' }));
    const { tools } = await reader.listTools();
    await reader.close();
    const names = tools.map(({ name }) => name);
    assert.ok(names.includes('get_run'));
    const others = names.filter((name) => /^tool_|start|cancel/.test(name));
    assert.deepEqual(others, []);

    const call = { name: 'start_run', arguments: { workflow: 'chorus', key: 'no' } };
    const asked = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call });
    const refused = await post(await from.sign({ scope: 'tutti.read' }), asked);
    const many = await post(await from.sign({ scope: 'tutti.read' }), `[${body},${asked}]`);
    const nothing = await post(await from.sign({ scope: 'other' }));
    const reads = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/list', params: {} });
    const blind = await post(await from.sign({ scope: 'tutti.run' }), reads);

    assert.deepEqual(
      [refused.status, many.status, nothing.status, blind.status],
      [403, 403, 403, 403],
    );
    const challenge = refused.headers.get('www-authenticate') ?? '';
    assert.match(challenge, /error="insufficient_scope", scope="tutti.run"/);
    const runs = await served.tutti.history.runs(served.tenantId);
    assert.ok(runs.every(({ key }) => key !== 'no'));
  });

  it('gives each caller keys of its own', async () => {
    const post = async (claims: object, value: string) => {
      const client = await connect(served.url, await from.sign(claims));
      const asked = { value, idempotencyKey: '1' };
      const result = await client.callTool({ name: 'tool_desk_note_post', arguments: asked });
      await client.close();
      return dataOf<{ readonly run: string }>(result).run;
    };
    const first = await post({}, 'of one');
    const other = await post({ client_id: 'other' }, 'of the other');

    assert.ok(first && other);
    assert.notEqual(other, first);
    assert.equal(await post({}, 'of one'), first);
  });

  it('answers to its public name, on this path alone', async () => {
    const token = await from.sign();
    const from443 = (path: string, more: Readonly<Record<string, string>> = {}) =>
      raw(served, path, { host: 'tutti.example.com', authorization: `Bearer ${token}`, ...more });

    assert.equal(await from443('/mcp', { origin: 'https://tutti.example.com' }), 200);
    assert.equal(await from443('/mcp', { origin: 'https://evil.example' }), 403);
    // Elsewhere the token is none that counts.
    assert.equal(await from443('/v1/runs'), 401);
    assert.equal(await from443('/mcp', { host: 'evil.example' }), 403);
  });

  it('refuses configurations that let anybody in', () => {
    const one = { issuer, jwksUrl: 'https://issuer.example.com/keys', algorithms: ['ES256'] };
    const wrong = [
      { resource, issuers: [] },
      { resource, issuers: [{ ...one, algorithms: ['HS256'] }] },
      { resource, issuers: [{ ...one, algorithms: ['none'] }] },
      { resource, issuers: [{ ...one, algorithms: [] }] },
      { resource, issuers: [{ ...one, jwksUrl: 'http://issuer.example.com/keys' }] },
      { resource: 'http://tutti.example.com/mcp', issuers: [one] },
      { resource: 'https://TUTTI.example.com/mcp', issuers: [one] },
    ];
    for (const serve of wrong)
      assert.throws(
        () => new Tokens(serve, async () => false),
        (error) => isEngineError(error) && error.code === 'CONFIG_INVALID',
      );
  });

  it('says that it cannot tell while the keys of an issuer are not to be had', async () => {
    const issuers = [{ issuer, jwksUrl: 'http://127.0.0.1:9/keys', algorithms: ['ES256'] }];
    const tokens = new Tokens({ resource, issuers }, async () => false);

    await assert.rejects(
      tokens.check(await from.sign()),
      (error) => isEngineError(error) && error.code === 'TOKEN_UNCHECKED',
    );
  });
});

/** The status of a POST under another name. */
async function raw(
  { server }: ServedMcp,
  path: string,
  named: Readonly<Record<string, string>>,
): Promise<number> {
  const sent = request({
    ...{ host: '127.0.0.1', port: server.port, path, method: 'POST', agent: false },
    headers: { ...headers, ...named },
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}
