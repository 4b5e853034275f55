import assert from 'node:assert/strict';
import { HumanMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { z } from 'tutti';
import { type AgentOptions, MCPAgent, MCPClient, type StreamEvent } from 'tutti/mcp-use';
import { ScriptedModel } from 'tutti/testing';
import { failureOf, fixture, isAlive } from '../../ports/mcp/lab.ts';
import { type ChatReply, calling, ScriptedChat } from '../../support/chat-model.ts';
import { eventually } from '../../support/eventually.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const question = 'What does it say?';
const echo = (text: string) => calling(['echo', { text }]);

describe('MCPAgent', () => {
  const agents: MCPAgent[] = [];
  /** An agent with the fixture's tools, and what its model was asked. */
  const open = (replies: readonly ChatReply[], options: Partial<AgentOptions> = {}) => {
    const llm = new ScriptedChat(replies);
    const agent = new MCPAgent({
      llm,
      mcpServers: { tools: { ...fixture('mcp-tools.ts') } },
      ...options,
    });
    agents.push(agent);
    return { agent, asked: llm.asked };
  };
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
  });

  it('answers a question with the tools of a real server of files', async () => {
    verifies('R5.mcp-client', 'R5.one-shot');
    using folder = scratchFolder({ 'rates.txt': '1.08' });
    const server = new URL('../../../node_modules/.bin/mcp-server-filesystem', import.meta.url);
    const config = {
      mcpServers: { filesystem: { command: server.pathname, args: [folder.path] } },
    };
    const client = MCPClient.fromDict(config);
    const llm = new ScriptedChat(({ messages }) => {
      const last = messages.at(-1);
      if (last?.getType() === 'tool') return `There is ${JSON.stringify(last.content)}.`;
      return calling(['list_directory', { path: folder.path }]);
    });
    const agent = new MCPAgent({ llm, client });
    agents.push(agent);

    const result = await agent.run('List all files in the directory');

    assert.match(result, /rates\.txt/);
    assert.deepEqual(agent.toolsUsedNames, ['list_directory']);
    assert.match(String(llm.asked[0]?.messages[0]?.content), /never an instruction/);
  });

  it('takes a model of Tutti, and answers in a form that is asked for', async () => {
    verifies('R4.structured-output');
    const script = [
      [{ kind: 'call', id: '1', name: 'echo', args: { text: '7' } }],
      '{"n": "7"}',
      '{"n": 7}',
    ];
    const llm = new ScriptedModel(script as ConstructorParameters<typeof ScriptedModel>[0]);
    const { agent } = open([], { llm });

    const answer = await agent.run({ prompt: question, schema: z.object({ n: z.int() }) });

    assert.deepEqual(answer, { n: 7 });
    assert.match(JSON.stringify(llm.calls[2]?.messages.at(-1)), /does not fit/);
  });

  it('knows of the last question, and of nothing where it is told to forget', async () => {
    const { agent, asked } = open([echo('x'), 'First.', 'Second.', 'Third.', 'Fourth.']);

    await agent.run(question);
    await agent.run('And then?');
    const history = agent.getConversationHistory();
    agent.clearConversationHistory();
    await agent.run('And now?');
    await agent.run({ prompt: 'Who?', externalHistory: [new HumanMessage('I am Ada.')] });

    assert.deepEqual(
      history.map(({ type }) => type),
      ['human', 'ai', 'tool', 'ai', 'human', 'ai'],
    );
    assert.deepEqual(
      asked.map(({ messages }) => messages.length),
      [2, 4, 6, 2, 3],
    );
    assert.equal(asked[4]?.messages[1]?.content, 'I am Ada.');
  });

  it('says each call with what came back, a failure in its words', async () => {
    verifies('R5.tool-errors', 'R5.text-fallback');
    const { agent } = open([
      calling(['echo', { text: 'a', server_name: 'tools' }], ['fail', {}], ['nothing', {}]),
      calling(['received', { server: 'tools', b: 1 }]),
      'Done.',
    ]);

    const steps = await allOf(agent.stream(question));

    const [echoed, failed, unknown, received] = steps.map(({ observation }) => observation);
    assert.equal(steps.length, 4);
    assert.equal(echoed, 'a');
    assert.match(String(failed), /The disk is full/);
    assert.match(String(unknown), /no tool 'nothing'; there are: echo/);
    assert.match(String(received), /"args":\{"b":1\}/);
    assert.deepEqual(steps[0]?.action.toolInput, { text: 'a', server_name: 'tools' });
  });

  it('says what happens in the words of streamEvents, and text as it comes', async () => {
    const { agent } = open([echo('x'), [{ content: 'two ' }, { content: 'words' }]]);

    const events = await allOf(agent.streamEvents(question));

    assert.deepEqual(
      events.map(({ event }) => event.replace('on_', '')),
      [
        ...['chain_start', 'chat_model_start', 'chat_model_end', 'tool_start', 'tool_end'],
        ...['chat_model_start', 'chat_model_stream', 'chat_model_stream', 'chat_model_end'],
        'chain_end',
      ],
    );
    assert.equal(streamedText(events), 'two words');
    assert.deepEqual(events.at(-1)?.data, { output: 'two words' });
    const ids = events.filter(({ event }) => event.includes('tool')).map(({ run_id }) => run_id);
    assert.equal(new Set(ids).size, 1);
  });

  it('tells tools of the same name apart by their servers, and hides what is not allowed', async () => {
    verifies('R5.mcp-routing', 'R5.tool-list');
    const server = fixture('mcp-tools.ts');
    const mcpServers = { one: { ...server }, two: { ...server, env: { TWO: '2' } } };
    const { agent, asked } = open([calling(['two-environment', {}]), 'Done.'], {
      ...{ mcpServers, disallowedTools: ['echo'] },
      additionalTools: [
        tool(async ({ n }) => String(n * 2), {
          name: 'double',
          description: 'Doubles.',
          schema: z.object({ n: z.int() }),
        }),
      ],
    });

    const [step] = await allOf(agent.stream(question));

    const names = asked[0]?.tools.map(({ name }) => name) ?? [];
    assert.ok(names.includes('one-whoami') && names.includes('two-whoami'), names.join());
    assert.deepEqual(
      names.filter((name) => /echo|double/.test(name)),
      ['double'],
    );
    assert.match(String(step?.observation), /"TWO":"2"/);
  });

  it('ends after its steps, and when it is told to', async () => {
    const { agent } = open([echo('1'), echo('2'), echo('3')]);
    const endless = await failureOf(agent.run({ prompt: question, maxSteps: 2 }));
    const giveUp = new AbortController();
    const waiting = open([calling(['wait', {}]), 'Done.']);
    const run = waiting.agent.run({ prompt: question, signal: giveUp.signal });
    await eventually(() => waiting.agent.toolsUsedNames.length > 0);
    giveUp.abort(new Error('enough'));

    assert.equal(endless[0], 'TURNS_EXHAUSTED');
    await assert.rejects(run, /enough/);
  });

  it('ends its work when nobody reads on, and its servers when it is closed', async () => {
    const llm = new ScriptedChat((_, index) =>
      index === 0 ? calling(['whoami', {}]) : new Promise<never>(() => {}),
    );
    const { agent } = open([], { llm });
    let pid = 0;
    for await (const { observation } of agent.stream(question)) {
      pid = Number(observation);
      await eventually(() => llm.asked.length === 2);
      break;
    }

    await eventually(() => llm.asked[1]?.signal?.aborted);
    assert.ok(isAlive(pid));
    await agent.close();
    await eventually(() => !isAlive(pid));
  });

  it('keeps nothing open when its first question fails', async () => {
    const client = MCPClient.fromDict({ mcpServers: { tools: { ...fixture('mcp-tools.ts') } } });
    const agent = new MCPAgent({ llm: new ScriptedChat([new Error('down')]), client });

    assert.equal((await failureOf(agent.run(question)))[0], 'MODEL_UNAVAILABLE');
    assert.deepEqual(client.activeSessions, []);
  });

  it('refuses what it does not do, by its name', () => {
    const llm = new ScriptedChat([]);
    const cases: readonly (readonly [AgentOptions, RegExp])[] = [
      [{ llm }, /needs a client/],
      [{ mcpServers: {} }, /needs an llm/],
      [{ llm, mcpServers: {}, useServerManager: true }, /useServerManager/],
      [{ llm: 'google/gemini', mcpServers: {} }, /openai\/MODEL/],
      [{ llm: 'openai/gpt-5-mini', llmConfig: { topP: 1 } as object, mcpServers: {} }, /topP/],
    ];
    for (const [options, words] of cases) assert.throws(() => new MCPAgent(options), words);
  });
});

async function allOf<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}

function streamedText(events: readonly StreamEvent[]): string {
  return events
    .filter(({ event }) => event === 'on_chat_model_stream')
    .map(({ data }) => (data.chunk as { readonly text: string }).text)
    .join('');
}
