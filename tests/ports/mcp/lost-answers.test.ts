import assert from 'node:assert/strict';
import { defineTool, z } from 'tutti';
import { invoke } from '../../../core/guard/invoke.ts';
import { guardedFetch } from '../../../core/ports/http/guarded-fetch.ts';
import type { OpenMcpPool } from '../../../core/ports/mcp/pool.ts';
import { nothingOutside } from '../../../core/ports/outside.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { aScope, Record } from '../../guard/lab.ts';
import { type Answer, type Arrived, openPublicServer } from '../../support/public-server.ts';
import { verifies } from '../../support/verifies.ts';
import { aCaller, failureOf, McpLab } from './lab.ts';

const policies = { clerks: { agents: ['desk.*'], tools: ['read'] } };
const tools = { url: 'https://example.com/mcp' };

/** A tool that tells the world by the server's tool `tell`. */
const teller: AnyTool = defineTool({
  name: 'lab.world.tell',
  description: 'Tells the world.',
  effect: 'send',
  key: () => ['world'],
  undo: { none: 'what is told is told' },
  outside: ['mcp'],
  parameters: z.object({ times: z.int().default(1) }),
  result: z.object({ text: z.string() }),
}).handler(async ({ times }, { mcp }) => {
  const { text } = await mcp.call({ tool: 'tell', args: { times } });
  return { text };
});

/** A server of the older protocol with the tool `tell`, which answers with `telling`. */
function serverOf(telling: () => Answer): (request: Arrived) => Answer {
  return ({ method, body }) => {
    if (method !== 'POST') return { status: 405 };
    const asked = JSON.parse(body) as { readonly id?: number; readonly method: string };
    if (asked.id === undefined) return { status: 202 };
    const answer = (result: object): Answer => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: asked.id, result }),
    });
    switch (asked.method) {
      case 'initialize':
        return answer({
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'far', version: '1' },
        });
      case 'tools/list':
        return answer({
          tools: [
            {
              name: 'tell',
              inputSchema: {
                type: 'object',
                properties: { times: { type: 'integer', maximum: 3 } },
              },
            },
          ],
        });
      case 'tools/call':
        return telling();
      default:
        return { status: 404 };
    }
  };
}

describe('a call of an MCP server that changes something', () => {
  let lab: McpLab;
  beforeEach(() => {
    lab = new McpLab();
  });
  afterEach(() => lab.close());

  /** Tells the world on behalf of an agent; what it came to, and in which state it is left. */
  async function tell(
    pool: OpenMcpPool,
    asked: { readonly record: Record; readonly agent?: string; readonly times?: number },
  ): Promise<string> {
    const { record, agent = 'a.b', times = 1 } = asked;
    const mcp = {
      call: (call: object) => pool.call({ server: 'tools', ...call } as never, aCaller({ agent })),
    };
    const { scope } = aScope([teller], { act: true, record });
    const outside = () => ({ ...nothingOutside, mcp });
    const came = await invoke(teller, { times }, { ...scope, outside }).catch((error) => ({
      kind: 'error',
      error,
    }));
    const code = 'error' in came ? came.error.code : came.kind;
    return `${code} ${[...record.effects.values()].map(({ state }) => state).join()}`;
  }

  it('is not made twice when its answer is longer than is taken', async () => {
    verifies('R8.crash');
    const long = { content: [{ type: 'text', text: 'x'.repeat(20_000) }] };
    await using server = await openPublicServer(
      serverOf(() => ({
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 2, result: long }),
      })),
    );
    const fetch = guardedFetch({ hosts: ['*'], maxBytes: 10_000 }, server.seams);
    const pool = lab.open({ servers: { tools } }, { fetch });
    const record = new Record();

    const came = [await tell(pool, { record })];
    // Nothing of the first try can still be under way.
    for (const effect of record.effects.values()) effect.ageMs = 3_600_000;
    came.push(await tell(pool, { record }));

    const calls = server.requests.filter(({ body }) => body.includes('tools/call'));
    assert.equal(calls.length, 1);
    assert.deepEqual(came, ['MCP_TOOL_FAILED uncertain', 'EFFECT_IN_REVIEW needs_review']);
    assert.match(
      (await failureOf(pool.call({ server: 'tools', tool: 'tell', args: {} }, aCaller())))[1],
      /longer than 10000 bytes/,
    );
  });

  it('asks nobody whether it was made when Tutti itself has refused it', async () => {
    await using server = await openPublicServer(serverOf(() => ({ status: 500 })));
    const fetch = guardedFetch({ hosts: ['*'] }, server.seams);
    const pool = lab.open({ servers: { tools }, policies }, { fetch });
    const record = new Record();
    const other = new Record();

    const came = [
      await tell(pool, { record, agent: 'desk.clerk' }),
      await tell(pool, { record, agent: 'desk.clerk' }),
      await tell(pool, { record: other, times: 9 }),
    ];

    assert.deepEqual(came, [
      'MCP_REFUSED conflict',
      'MCP_REFUSED conflict',
      'TOOL_INPUT_INVALID conflict',
    ]);
    assert.ok(!server.requests.some(({ body }) => body.includes('tools/call')));
  });
});
