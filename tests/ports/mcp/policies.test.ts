import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { aCaller, call, failureOf, McpLab } from './lab.ts';

describe('policies of MCP servers', () => {
  let lab: McpLab;
  beforeEach(() => {
    lab = new McpLab();
  });
  afterEach(() => lab.close());

  it('refuse servers and tools that an agent may not have, before anything is started', async () => {
    verifies('R5.mcp-policies');
    const policies = {
      readers: { agents: ['desk.*'], servers: ['tools'], tools: ['read_*', 'echo'] },
    };
    const pool = lab.open({ servers: { tools: lab.tools(), other: lab.tools() }, policies });
    const clerk = aCaller({ agent: 'desk.clerk' });

    assert.deepEqual(await failureOf(call(pool, ['whoami'], clerk)), [
      'MCP_REFUSED',
      "'desk.clerk' may not call 'whoami' of MCP server 'tools': its policy 'readers' (mcp.policies) allows read_*, echo.",
    ]);
    assert.deepEqual(await failureOf(call(pool, ['echo', { text: 'a' }, 'other'], clerk)), [
      'MCP_REFUSED',
      "'desk.clerk' may not call MCP server 'other': its policy 'readers' (mcp.policies) allows tools.",
    ]);
    assert.equal(lab.started().length, 0);
    assert.equal((await call(pool, ['echo', { text: 'a' }], clerk)).text, 'a');
    await call(pool, ['whoami'], aCaller({ agent: 'back.office' }));
  });

  it('count for the agents that they name, the first for one that several name, `standard` for the rest', async () => {
    verifies('R3.profile', 'R5.mcp-policies');
    const policies = {
      standard: { tools: ['echo'] },
      chief: { agents: ['desk.chief'] },
      desk: { agents: ['desk.*'], tools: [] },
    };
    const pool = lab.open({ servers: { tools: lab.tools() }, policies });
    const asked = ['desk.chief', 'desk.clerk', 'back.office'].flatMap((agent) =>
      ['whoami', 'echo'].map(async (tool) => {
        const args = tool === 'echo' ? { text: agent } : {};
        const caller = aCaller({ agent });
        return call(pool, [tool, args], caller).then(
          () => `${agent} ${tool}`,
          () => null,
        );
      }),
    );

    assert.deepEqual(
      (await Promise.all(asked)).filter((each) => each !== null),
      ['desk.chief whoami', 'desk.chief echo', 'back.office echo'],
    );
    assert.deepEqual(
      pool.servers()[0]?.profiles.map(({ policy, calls, failures }) => [policy, calls, failures]),
      [
        ['chief', 2, 0],
        ['desk', 2, 2],
        ['standard', 2, 1],
      ],
    );
    assert.equal(lab.started().length, 1);
  });

  it('bound how long a call takes', async () => {
    verifies('R5.mcp-policies');
    const policies = { brief: { agents: ['desk.*'], callMs: 50 } };
    const pool = lab.open({ servers: { tools: lab.tools() }, policies });
    await call(pool, ['whoami']);

    const clerk = aCaller({ agent: 'desk.clerk' });
    const [code, words] = await failureOf(call(pool, ['wait'], clerk));

    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(words, /did not answer in time/);
  });

  it('cut a result at their length, and refuse data beyond it', async () => {
    verifies('R5.mcp-policies');
    const policies = { brief: { agents: ['desk.*'], maxCharacters: 10 } };
    const pool = lab.open({ servers: { tools: lab.tools() }, policies });
    const clerk = aCaller({ agent: 'desk.clerk' });
    const { text } = await call(pool, ['echo', { text: 'twelve signs' }], clerk);

    assert.equal(text, 'twelve sig\n[cut: 2 more characters]');
    const [code, words] = await failureOf(call(pool, ['received', { a: 'twelve signs' }], clerk));
    assert.equal(code, 'MCP_TOOL_FAILED');
    assert.match(words, /at most 10 are taken/);
    assert.ok((await call(pool, ['received', { a: 'twelve signs' }])).data);
  });

  it('that name no agents or no server of the configuration are refused at the start', () => {
    const opened = (policies: Readonly<Record<string, object>>) => () =>
      lab.open({ servers: { tools: lab.tools() }, policies });

    assert.throws(opened({ desk: {} }), /mcp\.policies\.desk: it names no agents/);
    assert.throws(opened({ standard: { agents: ['a.*'] } }), /policies\.standard: .*leave out/);
    assert.throws(
      opened({ desk: { agents: ['a.*'], servers: ['tool'] } }),
      /there is no MCP server 'tool'; configured are tools/,
    );
  });
});
