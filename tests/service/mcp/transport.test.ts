import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { connect, type ServedMcp, serveMcpHere } from './served.ts';

const revision = '2026-07-28';
const envelope = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
};
const listing = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: envelope };
const starting = {
  ...{ jsonrpc: '2.0', id: 2, method: 'tools/call' },
  params: { name: 'start_run', arguments: { workflow: 'chorus', key: 'never' }, ...envelope },
};
type Headers = Readonly<Record<string, string>>;
const plain: Headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': revision,
  'mcp-method': 'tools/list',
};

describe('/mcp', () => {
  let served: ServedMcp;

  before(async () => {
    served = await serveMcpHere();
  });
  after(async function () {
    await served.close(this);
  });

  /** A request as it is: `fetch` sets headers of its own. */
  const send = async (body: unknown, headers: Headers = {}, method = 'POST') => {
    const request = httpRequest({
      ...{ host: '127.0.0.1', port: served.server.port, path: '/mcp', method, agent: false },
      headers: { ...plain, ...headers },
    });
    request.end(method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : '');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode, headers: response.headers, text };
  };
  const codeOf = (text: string): unknown =>
    (JSON.parse(text) as { readonly error: { readonly code: number } }).error.code;

  it('answers a client without a handshake and without a session', async () => {
    const { status, headers, text } = await send(listing);

    assert.equal(status, 200);
    assert.equal(headers['x-accel-buffering'], 'no');
    assert.equal(headers['mcp-session-id'], undefined);
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.match(text, /start_run/);
  });

  it('refuses pages of other origins', async () => {
    verifies('R10.cors');
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost'])
      assert.equal((await send(listing, { origin })).status, 403, origin);
    const own = `http://127.0.0.1:${served.server.port}`;
    assert.equal((await send(listing, { origin: own })).status, 200);
  });

  it('refuses other names of the machine, as DNS rebinding has them', async () => {
    const { port } = served.server;
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', 'localhost:1'])
      assert.equal((await send(listing, { host })).status, 403, host);
    assert.equal((await send(listing, { host: `localhost:${port}` })).status, 200);
  });

  it('refuses headers that say something else than the body', async () => {
    const other = await send(starting, { 'mcp-method': 'tools/list', 'mcp-name': 'start_run' });
    const name = await send(starting, { 'mcp-method': 'tools/call', 'mcp-name': 'list_runs' });
    const none = await send(starting, { 'mcp-method': 'tools/call' });
    const version = await send(listing, { 'mcp-protocol-version': '2025-11-25' });

    for (const { status, text } of [other, name, none, version])
      assert.deepEqual([status, codeOf(text)], [400, -32_020]);
    assert.deepEqual(await served.tutti.history.runs(served.tenantId), []);
  });

  it('speaks by POST alone', async () => {
    for (const method of ['GET', 'DELETE'])
      assert.equal((await send('', {}, method)).status, 405, method);
  });

  it('refuses what is no JSON, what is too large, and methods that there are not', async () => {
    const large = JSON.stringify({
      ...listing,
      params: { ...envelope, pad: 'x'.repeat(1_100_000) },
    });
    const broken = await send('{"jsonrpc"');
    const unknown = await send(
      { ...listing, method: 'tools/explode' },
      { 'mcp-method': 'tools/explode' },
    );

    assert.deepEqual([broken.status, codeOf(broken.text)], [400, -32_700]);
    assert.equal((await send(large)).status, 413);
    assert.equal((await send(listing, { 'content-type': 'text/plain' })).status, 415);
    assert.deepEqual([unknown.status, codeOf(unknown.text)], [404, -32_601]);
  });

  it('takes a broken connection of the protocol before for the end of what should end with it', async () => {
    const broken = new AbortController();
    const asked = { workflow: 'held', key: 'breaks', waitSeconds: 60, cancelOnAbort: true };
    const params = { name: 'start_run', arguments: asked };
    const waiting = fetch(served.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: plain.accept ?? '' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      signal: broken.signal,
    })
      .then((response) => response.text())
      .catch(() => null);
    const status = async () => {
      const runs = await served.tutti.history.runs(served.tenantId);
      return runs.find(({ key }) => key === 'breaks')?.status;
    };
    await eventually(async () => (await status()) === 'running');

    broken.abort();
    await waiting;

    await eventually(async () => (await status()) === 'cancelled');
  });

  it('takes no session id for an identity', async () => {
    const { status, headers } = await send(listing, { 'mcp-session-id': 'somebody' });

    assert.equal(status, 200);
    assert.equal(headers['mcp-session-id'], undefined);
  });

  it('counts the requests of each caller', async function () {
    const few = await serveMcpHere({ requestsPerMinute: 3 });
    try {
      const post = () =>
        fetch(few.url, { method: 'POST', headers: plain, body: JSON.stringify(listing) });
      for (let each = 0; each < 3; each += 1) assert.equal((await post()).status, 200);
      const refused = await post();

      assert.equal(refused.status, 429);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
    } finally {
      await few.close(this);
    }
  });

  it('ends what waits when the server closes, and cancels nothing', async function () {
    const closing = await serveMcpHere();
    const client = await connect(closing.url);
    const asked = { workflow: 'held', key: 'k', waitSeconds: 600, cancelOnAbort: true };
    const waiting = client.callTool({ name: 'start_run', arguments: asked }).catch(() => null);
    const { history } = closing.tutti;
    await eventually(async () => (await history.runs(closing.tenantId))[0]?.status === 'running');

    await closing.server.close();
    await waiting;

    const [run] = await history.runs(closing.tenantId);
    assert.equal(run?.status, 'running');
    await closing.close(this);
  });
});
