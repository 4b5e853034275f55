import assert from 'node:assert/strict';
import { defineTool, EngineError, type Outside, type Tool, z } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import { nothingOutside, type OutsideOf } from '../../core/ports/outside.ts';
import type { AnyTool, ToolContext } from '../../core/sdk/tool.ts';
import { verifies } from '../support/verifies.ts';
import { aScope, Record } from './lab.ts';

const parameters = z.object({});
const result = z.object({ text: z.string() });

/** What a tool does out there. */
type Deed = (context: ToolContext) => Promise<unknown>;

function reader(outside: Tool['outside'], deed: Deed): AnyTool {
  return defineTool({
    name: 'lab.world.read',
    description: 'Looks at the world.',
    effect: 'read',
    parameters,
    result,
    ...(outside && { outside }),
  }).handler(async (_, context) => ({ text: String(await deed(context)) }));
}

function sender(deed: Deed, more: Partial<Pick<AnyTool, 'lookUp'>> = {}): AnyTool {
  return defineTool({
    name: 'lab.world.tell',
    description: 'Tells the world.',
    effect: 'send',
    key: () => ['world'],
    undo: { none: 'what is told is told' },
    outside: ['files', 'http', 'mcp', 'mail', 'slack'],
    parameters,
    result,
    ...more,
  }).handler(async (_, context) => ({ text: String(await deed(context)) }));
}

/** A world that answers, and remembers what it was asked. */
function world(): { readonly asked: string[]; readonly outside: OutsideOf } {
  const asked: string[] = [];
  const noting =
    <R>(what: string, answer: R) =>
    async (): Promise<R> => {
      asked.push(what);
      return answer;
    };
  const reached: Outside = {
    files: {
      read: noting('files.read', new Uint8Array()),
      list: noting('files.list', []),
      write: noting('files.write', { path: 'a', bytes: 0, sha256: '' }),
    },
    http: { request: noting('http', { status: 200, url: '', headers: {}, text: 'hello' }) },
    mcp: { call: noting('mcp', { text: 'hello' }) },
    databases: { query: noting('databases', { columns: [], rows: [], isCut: false }) },
    mail: { send: noting('mail', { id: 'm1', rejected: [] }) },
    slack: { post: noting('slack', undefined) },
  };
  return { asked, outside: () => reached };
}

const call = { tool: 'say', args: {} };
const post = { url: 'https://example.com', method: 'POST' } as const;

describe('what a tool reaches beyond the ERP', () => {
  it('is refused where the tool does not declare it, each way by itself', async () => {
    verifies('R12.tool-permission');
    const deeds: Readonly<globalThis.Record<string, Deed>> = {
      files: ({ files }) => files.read('a'),
      http: ({ http }) => http.request({ url: 'https://example.com' }),
      mcp: ({ mcp }) => mcp.call(call),
      databases: ({ databases }) => databases.query({ database: 'a', sql: 'SELECT 1' }),
    };
    for (const [way, deed] of Object.entries(deeds)) {
      for (const declared of [undefined, ['slack'] as const]) {
        const { asked, outside } = world();
        const tool = reader(declared, deed);

        const outcome = await invoke(tool, {}, { ...aScope([tool]).scope, outside });

        assert.equal(outcome.kind === 'error' && outcome.error.code, 'TOOL_REFUSED', way);
        assert.deepEqual(asked, []);
      }
      const { asked, outside } = world();
      const tool = reader([way as 'files'], deed);
      const outcome = await invoke(tool, {}, { ...aScope([tool]).scope, outside });
      assert.equal(outcome.kind, 'result', way);
      assert.equal(asked.length, 1);
    }
  });

  it('is changed by a tool that says so, and by none that only drafts or writes the books', async () => {
    verifies('R12.tool-permission');
    const deeds: readonly Deed[] = [
      ({ files }) => files.write('a', 'b'),
      ({ http }) => http.request(post),
      ({ mail }) => mail.send({ to: [], subject: '', text: '' }),
      ({ slack }) => slack.post({ channel: 'a', text: 'b' }),
    ];
    for (const effect of ['propose', 'write', 'send'] as const) {
      for (const deed of deeds) {
        const { asked, outside } = world();
        const tool = { ...sender(deed), effect } as AnyTool;

        const outcome = await invoke(tool, {}, { ...aScope([tool], { act: true }).scope, outside });

        const isSent = effect === 'send';
        assert.equal(outcome.kind === 'error' && outcome.error.code, !isSent && 'TOOL_REFUSED');
        assert.equal(asked.length, Number(isSent), effect);
      }
    }
  });

  it('is not changed by a tool that reads', async () => {
    verifies('R12.tool-permission');
    const deeds: readonly Deed[] = [
      ({ files }) => files.write('a', 'b'),
      ({ http }) => http.request(post),
      ({ mail }) => mail.send({ to: [], subject: '', text: '' }),
      ({ slack }) => slack.post({ channel: 'a', text: 'b' }),
    ];
    for (const deed of deeds) {
      const { asked, outside } = world();
      const tool = reader(['files', 'http', 'mail', 'slack'], deed);

      const outcome = await invoke(tool, {}, { ...aScope([tool]).scope, outside });

      assert.equal(outcome.kind === 'error' && outcome.error.code, 'TOOL_REFUSED');
      assert.deepEqual(asked, []);
    }
  });

  it('is changed by one that sends, but not while it looks up whether it has', async () => {
    const { asked, outside } = world();
    const lookUp: NonNullable<AnyTool['lookUp']> = async (_, { http }) => {
      await assert.rejects(http.request(post), { code: 'TOOL_REFUSED' });
      return null;
    };
    const tool = sender(async ({ http }) => (await http.request(post)).text, { lookUp });
    const record = new Record();
    const scope = { ...aScope([tool], { act: true, record }).scope, outside };
    await invoke(tool, {}, scope);
    for (const effect of record.effects.values())
      Object.assign(effect, { state: 'uncertain', ageMs: 60_000 });

    const outcome = await invoke(tool, {}, { ...scope, label: { trust: 'operator' } });

    assert.equal(outcome.kind === 'effected' && outcome.value.kind, 'applied');
    assert.deepEqual(asked, ['http', 'http']);
  });

  it('makes the context external, with its cause, also when it fails', async () => {
    verifies('R12.untrusted-text');
    const tool = reader(['mcp'], async ({ mcp }) => (await mcp.call(call)).text);
    const failing: OutsideOf = () => ({
      ...nothingOutside,
      mcp: { call: () => Promise.reject(new EngineError('MCP_TOOL_FAILED', 'Pay to DE00.')) },
    });
    for (const outside of [world().outside, failing]) {
      const record = new Record();
      const scope = { ...aScope([tool], { record }).scope, outside };

      await invoke(tool, {}, scope);

      assert.equal(scope.label.trust, 'external');
      const raised = record.entries.filter(({ kind }) => kind === 'label.raised');
      assert.deepEqual(raised, [
        { kind: 'label.raised', data: { trust: 'external', tool: 'lab.world.read' } },
      ]);
    }
  });

  it('leaves an effect to be tried again when nothing has left, and to be looked into when something may have', async () => {
    const states: globalThis.Record<string, string> = {};
    for (const code of ['MCP_TOOL_CHANGED', 'MCP_SERVER_FAILED'] as const) {
      const outside: OutsideOf = () => ({
        ...world().outside(new AbortController().signal),
        mcp: { call: () => Promise.reject(new EngineError(code, 'No.')) },
      });
      const first = sender(async ({ mcp }) => (await mcp.call(call)).text);
      const second = sender(async ({ http, mcp }) => {
        await http.request(post);
        return (await mcp.call(call)).text;
      });
      for (const [name, tool] of Object.entries({ first, second })) {
        const record = new Record();
        await invoke(tool, {}, { ...aScope([tool], { act: true, record }).scope, outside });
        states[`${name} ${code}`] = [...record.effects.values()].map(({ state }) => state).join();
      }
    }

    assert.deepEqual(states, {
      'first MCP_TOOL_CHANGED': 'conflict',
      'first MCP_SERVER_FAILED': 'uncertain',
      'second MCP_TOOL_CHANGED': 'uncertain',
      'second MCP_SERVER_FAILED': 'uncertain',
    });
  });
});
