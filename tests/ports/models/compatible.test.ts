import assert from 'node:assert/strict';
import { openModel } from '../../../core/ports/models/open.ts';
import { type FaultServer, startFaultServer, type Wire } from '../../support/fault-server.ts';
import { verifies } from '../../support/verifies.ts';
import { aRequest, failureOf, hold, key, texts } from './adapter.ts';
import { useWire } from './wire.ts';

/** Chunks as a server sends them that leaves out all that it may. */
const chunks =
  (...each: readonly object[]) =>
  (wire: Wire) => {
    wire.head();
    for (const chunk of each) wire.chunk(`data: ${JSON.stringify(chunk)}\n\n`);
    wire.end();
  };
const say = (content: string) => ({ choices: [{ delta: { content } }] });
const finish = (finish_reason: string) => ({ choices: [{ delta: {}, finish_reason }] });
const usage = { prompt_tokens: 10, completion_tokens: 4 };

describe('a server that speaks Chat Completions in its own way', () => {
  const { call, server } = useWire('openai-chat');

  it('may leave out ids, indexes, models and the end of the stream', async () => {
    verifies('R4.compatible-endpoint');
    const reply = await call(chunks(say('{"ver'), say('dict":1}'), { ...finish('stop'), usage }));

    assert.deepEqual(texts(reply), ['{"verdict":1}']);
    assert.equal(reply.stop, 'end');
    assert.equal(reply.model, 'test-model');
    assert.equal(reply.providerId, '');
    assert.deepEqual(reply.usage, {
      input: 10,
      cachedInput: 0,
      cacheWrite: 0,
      output: 4,
      reasoning: 0,
    });
  });

  it('may count tokens in a last chunk without choices', async () => {
    for (const choices of [{ choices: [] }, { choices: null }, {}]) {
      const reply = await call(chunks(say('ok'), finish('stop'), { ...choices, usage }));

      assert.equal(reply.usage.output, 4);
    }
  });

  it('may count as it goes: the last count holds', async () => {
    const counted = (output: number) => ({ prompt_tokens: 10, completion_tokens: output });

    const reply = await call(
      chunks(
        { ...say('o'), usage: counted(1) },
        { ...say('k'), usage: counted(2) },
        {
          ...finish('stop'),
          usage: counted(3),
        },
      ),
    );

    assert.deepEqual(texts(reply), ['ok']);
    assert.equal(reply.usage.output, 3);
  });

  it('may say with each chunk that there is no reason to stop yet, and count as it goes', async () => {
    const open = (content: string, completion_tokens: number) => ({
      choices: [{ delta: { content }, finish_reason: '' }],
      usage: { prompt_tokens: 10, completion_tokens },
    });

    const reply = await call(
      chunks(open('{"ver', 1), open('dict":1}', 2), { ...finish('stop'), usage }),
    );

    assert.deepEqual(texts(reply), ['{"verdict":1}']);
    assert.equal(reply.usage.output, 4);
  });

  for (const reason of ['error', 'abort', 'insufficient_system_resource']) {
    it(`is not taken for finished when it says '${reason}'`, async () => {
      const error = await failureOf(
        call(chunks(say('{"verdict":"mat'), { ...finish(reason), usage })),
      );

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, new RegExp(`broke its reply off \\(${reason}\\)`));
    });
  }

  it('must count tokens: a reply that cannot be charged is an error', async () => {
    const error = await failureOf(call(chunks(say('ok'), finish('stop'))));

    assert.equal(error.code, 'MODEL_REPLY_INVALID');
    assert.match(error.message, /counts no tokens; the server must support include_usage/);
    const [seen] = server().calls;
    assert.deepEqual(seen?.body.stream_options, { include_usage: true });
  });

  it('may send a call whole, without type or index', async () => {
    const reply = await call(
      chunks(
        {
          choices: [
            {
              delta: {
                tool_calls: [
                  { id: 'a', function: { name: 'finance-hold-place', arguments: '{"bill":"B1"}' } },
                  { id: 'b', function: { name: 'finance-hold-place', arguments: '{"bill":"B2"}' } },
                ],
              },
            },
          ],
        },
        // Some end a turn with calls by `stop`.
        { ...finish('stop'), usage },
      ),
      { request: aRequest({ tools: [hold] }) },
    );

    assert.equal(reply.stop, 'tools');
    assert.deepEqual(
      reply.parts.map((part) => part.kind === 'call' && [part.id, part.name, part.args]),
      [
        ['a', 'finance.hold.place', { bill: 'B1' }],
        ['b', 'finance.hold.place', { bill: 'B2' }],
      ],
    );
  });

  it('may give each piece of a call an id of its own: the first counts', async () => {
    const piece = (id: string, call: object) => ({
      choices: [{ delta: { tool_calls: [{ index: 0, id, function: call }] } }],
    });

    const reply = await call(
      chunks(
        piece('a', { name: 'finance-hold-place', arguments: '' }),
        piece('b', { arguments: '{"bill":' }),
        piece('c', { arguments: '"B1"}' }),
        { ...finish('tool_calls'), usage },
      ),
      { request: aRequest({ tools: [hold] }) },
    );

    assert.deepEqual(
      reply.parts.map((part) => part.kind === 'call' && [part.id, part.name, part.args]),
      [['a', 'finance.hold.place', { bill: 'B1' }]],
    );
  });

  it('must give calls ids: without, results could not be told apart', async () => {
    const tool_calls = [{ function: { name: 'x', arguments: '{}' } }];

    const error = await failureOf(
      call(chunks({ choices: [{ delta: { tool_calls } }] }, { ...finish('tool_calls'), usage })),
    );

    assert.equal(error.code, 'MODEL_REPLY_INVALID');
  });
});

describe('a server that speaks Responses in its own way', () => {
  const { call } = useWire('openai');

  for (const [code, ours] of [
    ['rate_limit_exceeded', 'MODEL_RATE_LIMITED'],
    ['server_error', 'MODEL_UNAVAILABLE'],
  ] as const)
    it(`may tell a ${code} by an event that has no name of its own line`, async () => {
      const failed = { type: 'error', code, message: 'busy', param: null, sequence_number: 3 };

      const error = await failureOf(call(chunks({ type: 'response.created' }, failed)));

      assert.equal(error.code, ours);
    });
});

describe('keys of servers by base URL', () => {
  let server: FaultServer;

  beforeEach(async () => {
    server = await startFaultServer(chunks(say('ok'), { ...finish('stop'), usage }));
  });
  afterEach(() => server.close());

  const ask = async (
    target: { apiKeyEnv?: string; baseUrl?: string },
    env: Record<string, string>,
  ) => {
    const model = openModel({ provider: 'openai-chat', model: 'm', ...target }, env);
    await model.call(aRequest(), { signal: AbortSignal.timeout(60_000) });
    return server.calls[0]?.headers.authorization;
  };

  it('are not needed', async () => {
    verifies('R4.compatible-endpoint');

    assert.equal(await ask({ baseUrl: server.baseUrl('openai-chat') }, {}), 'Bearer none');
  });

  it('come from the variable that the target names', async () => {
    const target = { baseUrl: server.baseUrl('openai-chat'), apiKeyEnv: 'LOCAL_KEY' };

    assert.equal(await ask(target, { LOCAL_KEY: key, OPENAI_API_KEY: 'other' }), `Bearer ${key}`);
  });
});
