import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { newTools, oldTools, type Served, serve } from './http-server.ts';
import { call, failureOf, McpLab } from './lab.ts';

describe('an MCP server elsewhere', () => {
  let lab: McpLab;
  const served: Served[] = [];
  beforeEach(() => {
    lab = new McpLab();
  });
  afterEach(async () => {
    await lab.close();
    await Promise.all(served.splice(0).map((each) => each.close()));
  });

  async function remote(listener: Parameters<typeof serve>[0]): Promise<Served> {
    const server = await serve(listener);
    served.push(server);
    return server;
  }

  it('is called over Streamable HTTP in the newer protocol, with the headers of the configuration', async () => {
    verifies('R5.mcp-config');
    const { url, headers } = await remote(newTools());
    const tools = { url, loopback: true, headersFrom: { Authorization: 'REPORTS_TOKEN' } };
    const env = { ...process.env, REPORTS_TOKEN: 'Bearer t-1' };
    const pool = lab.open({ servers: { tools } }, { env });

    assert.deepEqual(await call(pool, ['echo', { text: 'far' }]), { text: 'far' });

    assert.equal(pool.servers()[0]?.session?.protocolVersion, '2026-07-28');
    assert.ok(
      headers.length > 0 && headers.every(({ authorization }) => authorization === 'Bearer t-1'),
    );
    assert.ok(!JSON.stringify(pool.servers()).includes('t-1'));
  });

  it('is called in the older protocol, and asked anew when it has forgotten the session', async () => {
    const ids = { next: 1 };
    let listener = oldTools(ids);
    const { url } = await remote((request, response) => listener(request, response));
    const pool = lab.open({ servers: { tools: { url, loopback: true } } });
    await call(pool, ['echo', { text: 'one' }]);
    assert.equal(pool.servers()[0]?.session?.protocolVersion, '2025-11-25');

    listener = oldTools(ids);

    const [code, message] = await failureOf(call(pool, ['echo', { text: 'two' }]));
    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /HTTP 404/);
    assert.equal((await call(pool, ['echo', { text: 'three' }])).text, 'three');
    assert.equal(ids.next, 3);
  });

  it('fails typed when nobody is there', async () => {
    const { url, close } = await serve(newTools());
    await close();
    const pool = lab.open({ servers: { tools: { url, loopback: true } } });

    const [code, message] = await failureOf(call(pool, ['echo', { text: '' }]));
    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /^MCP server 'tools' cannot be reached/);
  });

  it('fails typed when it refuses the credentials', async () => {
    const { url } = await remote((_, response) => void response.writeHead(401).end());
    const pool = lab.open({ servers: { tools: { url, loopback: true } } });

    const [code, message] = await failureOf(call(pool, ['echo', { text: '' }]));
    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /credentials|HTTP 401/);
  });

  it('is not reached at private addresses, whatever its name', async () => {
    const pool = lab.open({
      servers: {
        tools: { url: 'https://127.0.0.1:8443/mcp' },
        meta: { url: 'https://169.254.169.254/mcp' },
      },
    });

    for (const server of ['tools', 'meta']) {
      const [code] = await failureOf(call(pool, ['echo', { text: '' }, server]));
      assert.equal(code, 'EGRESS_REFUSED');
    }
  });

  it('gets no credentials through another issuer than the configured one', async () => {
    const asked: string[] = [];
    const { url } = await remote((request, response) => {
      asked.push(String(request.url));
      const origin = `http://${request.headers.host}`;
      if (request.url?.startsWith('/.well-known/oauth-protected-resource')) {
        const other = origin.replace('127.0.0.1', 'localhost');
        json(response, { resource: `${origin}/mcp`, authorization_servers: [other] });
      } else if (request.url?.startsWith('/.well-known/')) {
        const issuer = origin.replace('127.0.0.1', 'localhost');
        json(response, {
          ...{ issuer, token_endpoint: `${issuer}/token`, authorization_endpoint: `${issuer}/a` },
          ...{ response_types_supported: ['code'], grant_types_supported: ['client_credentials'] },
        });
      } else response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    });
    const issuer = 'https://login.example.com';
    const oauth = { clientId: 'tutti', clientSecretFrom: 'MCP_SECRET', issuer };
    const env = { ...process.env, MCP_SECRET: 's' };
    const pool = lab.open({ servers: { tools: { url, loopback: true, oauth } } }, { env });

    const [code, message] = await failureOf(call(pool, ['echo', { text: '' }]));

    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /issuer|authorization server/i);
    assert.ok(!asked.includes('/token'));
  });
});

function json(response: import('node:http').ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
