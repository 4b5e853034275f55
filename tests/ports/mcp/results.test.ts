import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { aCaller, call, failureOf, fixture, McpLab } from './lab.ts';

describe('a call of an MCP tool', () => {
  const lab = new McpLab();
  const servers = {
    tools: lab.tools({ OWN: 'given' }),
    old: fixture('mcp-old-tools.ts'),
    legacy: lab.tools({ ERA: 'legacy' }),
  };
  const secrets = { OPENAI_API_KEY: 'sk-secret', DATABASE_URL: 'postgres://x', REPORTS_TOKEN: 'r' };
  const authorities = { SSL_CERT_DIR: '/etc/authorities' };
  const env = { ...process.env, ...secrets, ...authorities };
  const pool = lab.open(
    {
      servers: { ...servers, named: { ...lab.tools(), envFrom: ['REPORTS_TOKEN'] } },
      policies: { hasty: { agents: ['in.haste'], callMs: 500 } },
    },
    { env },
  );
  after(() => lab.close());

  it('speaks the newer protocol, and the older one with a server that knows no other', async () => {
    verifies('R5.mcp-client');
    const spoken = [];
    for (const server of ['tools', 'old', 'legacy']) {
      assert.deepEqual(await call(pool, ['echo', { text: 'hello' }, server]), { text: 'hello' });
      spoken.push(pool.servers().find(({ name }) => name === server)?.session?.protocolVersion);
    }
    assert.deepEqual(spoken, ['2026-07-28', '2025-11-25', '2025-11-25']);
  });

  it('shows a server nothing of the environment but what every program needs and what it was given', async () => {
    const seen = async (server: string): Promise<Readonly<Record<string, string>>> => {
      const { data } = await call(pool, ['environment', {}, server]);
      return (data as { readonly env: Readonly<Record<string, string>> }).env;
    };

    const tools = await seen('tools');
    for (const name of Object.keys(secrets)) assert.equal(tools[name], undefined, name);
    assert.equal(tools.OWN, 'given');
    assert.equal(tools.PATH, process.env.PATH);
    assert.equal(tools.SSL_CERT_DIR, authorities.SSL_CERT_DIR);
    const named = await seen('named');
    assert.equal(named.REPORTS_TOKEN, 'r');
    assert.equal(named.OPENAI_API_KEY, undefined);
  });

  it('gives the text parts as lines, names the others, and hands structured content on', async () => {
    verifies('R5.text-fallback');
    assert.deepEqual(await call(pool, ['mixed']), {
      text: 'one\n[image image/png, 3 bytes]\ntwo',
    });
    const { data } = await call(pool, ['received', { a: [1, { b: null }] }]);
    assert.deepEqual((data as { readonly args: unknown }).args, { a: [1, { b: null }] });
  });

  it('sends the arguments and the span, and nothing that routes', async () => {
    verifies('R5.routing-parameters');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { data } = await call(pool, ['received', { server: 'own' }], aCaller({ traceparent }));
    const { args, meta } = data as Readonly<Record<string, Readonly<Record<string, unknown>>>>;

    assert.deepEqual(args, { server: 'own' });
    assert.equal(meta?.traceparent, traceparent);
    assert.ok(!JSON.stringify(data).includes('run-1'));
  });

  it("fails with a tool's own words, cut to what a person reads", async () => {
    verifies('R5.tool-errors');
    const [code, message] = await failureOf(call(pool, ['fail']));

    assert.equal(code, 'MCP_TOOL_FAILED');
    assert.match(message, /'fail' of MCP server 'tools' failed: The disk is full\.!!!/);
    assert.ok(message.length < 2_200);
  });

  it('fails where the answer has too many values, and its server goes on', async () => {
    const inForce = call(pool, ['many', { values: 199_000 }]);
    assert.equal(((await inForce).data as { readonly all: unknown[] }).all.length, 199_000);
    const processId = (await call(pool, ['whoami'])).text;

    const [code, message] = await failureOf(call(pool, ['many', { values: 200_001 }]));

    assert.equal(code, 'MCP_TOOL_FAILED');
    assert.match(message, /'many'.* more than 200000 values; ask for less/);
    assert.equal((await call(pool, ['whoami'])).text, processId);
  });

  it('refuses arguments that the tool does not take before it sees them', async () => {
    const [code, message] = await failureOf(call(pool, ['echo', { text: 1 }]));

    assert.equal(code, 'TOOL_INPUT_INVALID');
    assert.match(message, /text must be string/);
  });

  it('leaves arguments to the server where its schema has regular expressions', async () => {
    const [code, message] = await failureOf(call(pool, ['matching', { code: 'x' }]));

    assert.equal(code, 'MCP_TOOL_FAILED');
    assert.match(message, /code/);
  });

  it('names the servers and tools that there are to whoever asks for others', async () => {
    assert.deepEqual(await failureOf(call(pool, ['echo', {}, 'nowhere'])), [
      'MCP_SERVER_UNKNOWN',
      "There is no MCP server 'nowhere'; configured under mcp.servers: tools, old, legacy, named.",
    ]);
    const [code, message] = await failureOf(call(pool, ['ecco']));
    assert.equal(code, 'MCP_TOOL_UNKNOWN');
    assert.match(message, /it has: echo, whoami/);
  });

  it('fails a call that takes too long, and keeps the session where the server is there', async () => {
    const before = lab.started().length;
    const inHaste = aCaller({ agent: 'in.haste' });
    const [code, message] = await failureOf(call(pool, ['wait'], inHaste));

    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /did not answer in time/);
    await call(pool, ['echo', { text: 'there' }]);
    assert.equal(lab.started().length, before);
  });

  it('says which variable a configuration names that is not set', async () => {
    const bare = lab.open({ servers: { tools: { ...lab.tools(), envFrom: ['NOT_SET_HERE'] } } });

    const [code, message] = await failureOf(call(bare, ['echo', { text: '' }]));
    assert.equal(code, 'CONFIG_INVALID');
    assert.match(message, /NOT_SET_HERE/);
  });
});
