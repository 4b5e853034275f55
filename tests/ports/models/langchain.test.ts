import assert from 'node:assert/strict';
import type { AIMessageChunk } from '@langchain/core/messages';
import { FakeListChatModel } from '@langchain/core/utils/testing';
import { langchainModel } from 'tutti';
import { EngineError, isEngineError } from '../../../core/base/errors.ts';
import type { LangChainChatModel } from '../../../core/ports/models/langchain/langchain.ts';
import type { Message, ModelRequest } from '../../../core/ports/models/model.ts';
import { runAgent } from '../../../worker/thread/agent.ts';
import { type ChatReply, calling, ScriptedChat } from '../../support/chat-model.ts';
import { verifies } from '../../support/verifies.ts';
import { aLooker, looking, StagedStep } from '../../worker/rehearse.ts';

const question: Message = {
  role: 'user',
  parts: [{ kind: 'text', text: 'How many crates are wet?' }],
};
const request: ModelRequest = {
  model: 'chat-1',
  instructions: 'Count.',
  messages: [question],
  tools: [{ name: 'lab.look', description: 'Looks.', parameters: { properties: {} } }],
  output: { name: 'count', schema: { type: 'object' } },
  maxOutputTokens: 77,
};

function ask(chat: LangChainChatModel, options: { readonly signal?: AbortSignal } = {}) {
  const signal = new AbortController().signal;
  return langchainModel(chat).call(request, { signal, ...options });
}

function askFor(...reply: readonly ChatReply[]) {
  return ask(new ScriptedChat(reply));
}

async function codeOf(promise: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await promise.then(() => assert.fail('it went well'), String);
  const thrown: unknown = await promise.catch((each: unknown) => each);
  return [isEngineError(thrown) ? thrown.code : error, error];
}

describe('a LangChain chat model as a model', () => {
  it('drives an agent through its tools to its answer', async () => {
    verifies('R4.own-provider', 'R4.tool-calls', 'R4.structured-output');
    const { look, seen } = looking();
    const chat = new ScriptedChat([
      calling(['lab-crate-look', { crate: 'a' }], ['lab-crate-look', { crate: 'lost' }]),
      'Two of them.',
      '{"seen": 1}',
    ]);
    const step = new StagedStep(aLooker(look, null), { mode: 'model' });

    const done = await runAgent({ ...step.context, model: () => langchainModel(chat) });

    assert.deepEqual(
      [done.kind, done.kind === 'succeeded' && done.output],
      ['succeeded', '{"seen":1}'],
    );
    assert.deepEqual(seen, ['a', 'lost']);
    const [first, second, third] = chat.asked;
    assert.deepEqual(
      first?.tools.map(({ name }) => name),
      ['lab-crate-look', 'lab-crate-hold', 'finding-report'],
    );
    assert.deepEqual(
      second?.messages.map((message) => message.getType()),
      ['system', 'human', 'ai', 'tool', 'tool'],
    );
    assert.match(String(second?.messages[3]?.content), /crate a/);
    assert.match(String(second?.messages[4]?.content), /^Error: .*There is no crate 'lost'/);
    assert.match(String(second?.messages[0]?.content), /one JSON object .*"seen"/s);
    assert.match(String(third?.messages.at(-1)?.content), /does not fit/);
  });

  it('says what comes while it comes, and counts tokens as the package does', async () => {
    verifies('R4.streaming');
    const heard: string[] = [];
    const chat = new ScriptedChat([
      [
        {
          content: 'three ',
          usage_metadata: { input_tokens: 9, output_tokens: 0, total_tokens: 9 },
        },
        { content: 'words', response_metadata: { model_name: 'chat-1-0611' } },
        {
          content: '',
          id: 'reply-1',
          response_metadata: { model_name: 'chat-1-0611', finish_reason: 'stop' },
          usage_metadata: {
            ...{ input_tokens: 0, output_tokens: 5, total_tokens: 5 },
            input_token_details: { cache_read: 4 },
            output_token_details: { reasoning: 2 },
          },
        },
      ],
    ]);
    const { signal } = new AbortController();

    const reply = await langchainModel(chat).call(request, {
      signal,
      onDelta: (text) => heard.push(text),
    });

    assert.deepEqual(heard, ['three ', 'words']);
    assert.deepEqual(reply, {
      parts: [{ kind: 'text', text: 'three words' }],
      stop: 'end',
      usage: { input: 9, cachedInput: 4, cacheWrite: 0, output: 5, reasoning: 2 },
      model: 'chat-1-0611',
      providerId: reply.providerId,
    });
  });

  it('counts a call in full where nobody counts its tokens', async () => {
    const { usage } = await ask(new FakeListChatModel({ responses: ['three'] }));

    assert.equal(usage.output, 77);
    assert.ok(usage.input > 1_000, `${usage.input} tokens`);
  });

  it('leaves out calls of a reply that was cut, and hands on arguments that are no JSON as they are', async () => {
    const [first, ...rest] = calling(['lab-look', '{"a": [1']);
    const end = { content: '', response_metadata: { stop_reason: 'max_tokens' } };

    const cut = await askFor([first ?? {}, ...rest, end] as ChatReply);
    const wrong = await askFor(calling(['lab-look', 'a: 1']));

    assert.deepEqual([cut.stop, cut.parts], ['length', []]);
    assert.deepEqual(wrong.parts, [{ kind: 'call', id: 'call-0', name: 'lab.look', args: 'a: 1' }]);
  });

  it('says that an answer was refused, by whichever name', async () => {
    const reasons = [
      { finish_reason: 'content_filter' },
      { finishReason: 'SAFETY' },
      { stop_reason: 'refusal' },
    ];
    for (const response_metadata of reasons) {
      const { stop } = await askFor([{ content: 'No.', response_metadata }]);
      assert.equal(stop, 'refusal');
    }
  });

  it('takes no reply for whole that its server says it has given up', async () => {
    const response_metadata = { finish_reason: 'insufficient_system_resource' };

    const [code, why] = await codeOf(askFor([{ content: '{"crates":', response_metadata }]));

    assert.equal(code, 'MODEL_UNAVAILABLE');
    assert.match(why, /broke its reply off/);
  });

  it('gives signed thoughts back as they came, to the same model only', async () => {
    const thought = { type: 'thinking', thinking: 'hm', signature: 'sig', index: 0 };
    const chat = new ScriptedChat([
      [{ content: [thought] }, ...calling(['lab-look', {}])],
      'Done.',
      'Done.',
    ]);
    const model = langchainModel(chat);
    const { signal } = new AbortController();
    const { parts } = await model.call(request, { signal });
    const result = {
      kind: 'result',
      id: 'call-0',
      name: 'lab.look',
      content: 'x',
      isError: false,
    } as const;
    const messages: readonly Message[] = [
      question,
      { role: 'assistant', parts },
      { role: 'user', parts: [result] },
    ];

    await model.call({ ...request, messages }, { signal });
    await model.call({ ...request, messages, model: 'chat-2' }, { signal });

    const [own, other] = chat.asked.slice(1).map((asked) => asked.messages[2]);
    assert.deepEqual(own?.content, [thought]);
    assert.equal(other?.content, '');
    assert.deepEqual(
      (own as AIMessageChunk).tool_calls?.map(({ name, id }) => [name, id]),
      [['lab-look', 'call-0']],
    );
  });

  it('tells failures apart by what the package passes on', async () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ status: 429, headers: { 'retry-after': '7' } }, 'MODEL_RATE_LIMITED'],
      [{ lc_error_code: 'MODEL_RATE_LIMIT' }, 'MODEL_RATE_LIMITED'],
      [{ status: 401 }, 'MODEL_REFUSED'],
      [{ lc_error_code: 'MODEL_NOT_FOUND' }, 'MODEL_UNKNOWN'],
      [{ response: { status: 400 } }, 'MODEL_REFUSED'],
      [{ status: 503 }, 'MODEL_UNAVAILABLE'],
      [{}, 'MODEL_UNAVAILABLE'],
      [{ code: 'insufficient_quota', status: 429 }, 'MODEL_REFUSED'],
    ];
    for (const [fields, code] of cases) {
      const [found] = await codeOf(askFor(Object.assign(new Error('down'), fields)));
      assert.equal(found, code, JSON.stringify(fields));
    }
    const busy = Object.assign(new Error('down'), { status: 429, headers: { 'retry-after': '7' } });
    const error = await askFor(busy).catch((thrown: unknown) => thrown);
    assert.equal((error as EngineError).details?.retryAfterMs, 7_000);
  });

  it('never says in an error what it was asked', async () => {
    const refused = new Error('too long: How many crates are wet? Shorten it.');
    const [, message] = await codeOf(askFor(Object.assign(refused, { status: 400 })));

    assert.match(message, /too long.*Shorten it/);
    assert.ok(!message.includes('crates'), message);
  });

  it('ends with the reason of who gave it up, and with a deadline of its own', async () => {
    const giveUp = new AbortController();
    const silent = new ScriptedChat(() => {
      giveUp.abort(new EngineError('RUN_ENDED', 'Somebody stopped it.'));
      return new Promise<never>(() => {});
    });
    const [cancelled, why] = await codeOf(ask(silent, { signal: giveUp.signal }));
    const never = new ScriptedChat(() => new Promise<never>(() => {}));
    const late = langchainModel(never).call(request, {
      ...{ signal: new AbortController().signal, firstByteMs: 20 },
    });

    assert.match(why, /Somebody stopped it/);
    assert.equal(cancelled, 'RUN_ENDED');
    assert.equal((await codeOf(late))[0], 'MODEL_UNAVAILABLE');
  });

  it('refuses tools for a chat model that cannot call any', async () => {
    const deaf: LangChainChatModel = { stream: async () => assert.fail('it was asked') };

    const [code, message] = await codeOf(ask(deaf));

    assert.equal(code, 'MODEL_REFUSED');
    assert.match(message, /bindTools/);
  });

  it('takes what is no message for no reply', async () => {
    async function* nonsense() {
      yield { content: 7 };
    }
    const odd: LangChainChatModel = { stream: async () => nonsense(), bindTools: () => odd };
    async function* nothing() {}
    const empty: LangChainChatModel = { stream: async () => nothing(), bindTools: () => empty };

    assert.equal((await codeOf(ask(odd)))[0], 'MODEL_REPLY_INVALID');
    assert.equal((await codeOf(ask(empty)))[0], 'MODEL_REPLY_INVALID');
  });
});
