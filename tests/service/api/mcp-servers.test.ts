import assert from 'node:assert/strict';
import type { McpServerView } from '../../../core/ports/mcp/pool.ts';
import type { McpToolView } from '../../../core/ports/mcp/review.ts';
import { call, McpLab, memoryPins } from '../../ports/mcp/lab.ts';
import { json, openApi, problem, type TestApi } from './api.ts';

describe('MCP servers over HTTP', () => {
  const lab = new McpLab();
  const pins = memoryPins();
  const pool = lab.open({ servers: { tools: lab.tools() } }, { pins });
  let api: TestApi;

  before(async () => {
    api = await openApi(() => ({ mcpServers: { pool, pins } }));
  });
  after(async function () {
    await api.close(this);
    await lab.close();
  });

  const toolsOf = async (): Promise<readonly McpToolView[]> => {
    const answer = await api.get('/v1/mcp/servers/tools/tools');
    return (await json<{ readonly items: readonly McpToolView[] }>(answer)).items;
  };

  it('are listed with their statistics by profile', async () => {
    await call(pool, ['echo', { text: 'x' }]);

    const answer = await api.get('/v1/mcp/servers');

    const { items } = await json<{ readonly items: readonly McpServerView[] }>(answer);
    assert.equal(items.length, 1);
    assert.partialDeepStrictEqual(items[0], {
      ...{ name: 'tools', kind: 'stdio', pid: lab.started()[0] },
      session: { protocolVersion: '2026-07-28', calls: 0 },
      profiles: [{ model: 'm', policy: 'standard', calls: 1, failures: 0, sessions: 1 }],
    });
  });

  it('show their tools, and have a changed one accepted by its digest', async () => {
    const other = { tool: 'echo', digest: 'ab'.repeat(32), definition: '{}' };
    await pins.accept('tools', [other], { kind: 'person', id: 'x' });
    const [echo] = await toolsOf();
    assert.equal(echo?.state, 'changed');
    const accept = (digest: string | null) =>
      api.post('/v1/mcp/servers/tools/accept', { tool: 'echo', digest });

    await problem(await accept('00'.repeat(32)), 409, 'MCP_TOOL_CHANGED');
    await problem(await accept(null), 400, 'INPUT_INVALID');
    assert.equal((await accept(echo?.digest ?? null)).status, 200);

    const [now] = await toolsOf();
    assert.deepEqual([now?.state, now?.pin?.by], ['pinned', 'local']);
  });

  it('are unknown by other names', async () => {
    await problem(await api.get('/v1/mcp/servers/none/tools'), 404, 'MCP_SERVER_UNKNOWN');
  });
});
