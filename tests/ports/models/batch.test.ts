import assert from 'node:assert/strict';
import { z } from 'zod';
import { openBatch } from '../../../core/ports/models/batch/batch-open.ts';
import { toJsonSchema } from '../../../core/ports/models/json-schema.ts';
import type { ModelReply } from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import type { ServerReply } from '../../support/model-stream.ts';
import { aRequest, hold, key, providers, texts } from './adapter.ts';
import { errorOf, items, replyTo, soon, useBatches } from './batch-provider.ts';

const usage = { input: 900, cachedInput: 512, cacheWrite: 100, output: 70, reasoning: 30 };
const search = {
  name: 'finance.bill.search',
  description: 'Finds bills.',
  parameters: toJsonSchema(z.object({ text: z.string() }), 'input'),
};

/** Replies of every kind that a model gives. */
const replies: Readonly<Record<string, ServerReply>> = {
  text: { text: 'größer als 10 € 👍', usage },
  calls: {
    text: 'I hold it.',
    thought: 'signed-thought',
    calls: [
      { id: 'call_1', name: 'finance-hold-place', args: { bill: 'BILL-0042' } },
      { id: 'call_2', name: 'finance-bill-search', args: '{"text": not json' },
    ],
    usage,
  },
  thinking: { thought: 'signed-thought', text: '{"verdict":"price"}', usage },
  cut: { text: '{"verd', isCut: true, usage },
  refused: { refusal: 'I cannot help with that.', usage },
};

// The server mints ids for each reply and thought; all else must be the same.
const withoutIds = ({ providerId: _, quota: __, ...reply }: ModelReply): unknown =>
  JSON.parse(JSON.stringify(reply).replace(/"rs_\d+"/g, '"rs"'));

for (const provider of providers) {
  describe(`batches of ${provider}`, () => {
    const { open, server, read } = useBatches(provider);

    for (const [kind, reply] of Object.entries(replies)) {
      it(`give the reply that a direct call gives (${kind})`, async () => {
        // A message has its arguments as an object, so nonsense in them can only stream.
        const calls = reply.calls?.slice(0, provider === 'anthropic' ? 1 : 2);
        const said = { ...reply, ...(calls && { calls }) };
        const batches = await open(() => said);
        const direct = openModel(
          {
            provider,
            model: 'test-model',
            baseUrl: server().baseUrl(provider),
            apiKeyEnv: 'TEST_KEY',
          },
          { TEST_KEY: key },
        );
        const request = aRequest({ tools: [hold, search] });
        server().answerDirect(said);

        const { id } = await batches.submit([{ id: 'a', request }], { mark: 'm', signal: soon() });
        server().end();
        const batched = replyTo(await read(batches, id, [{ id: 'a', request }]), 'a');

        assert.deepEqual(
          withoutIds(batched),
          withoutIds(await direct.call(request, { signal: soon() })),
        );
        const sent = { ...server().batches[0]?.items[0]?.call.body };
        const { stream: _, stream_options: __, ...called } = server().models.calls[0]?.body ?? {};
        assert.deepEqual(sent, called);
      });
    }

    it('are worked on, then ended, with results by id in whatever order', async () => {
      const batches = await open();
      const sent = items('a', 'b_1', 'c-2');

      const { id } = await batches.submit(sent, { mark: 'run7', signal: soon() });

      assert.deepEqual(await batches.state(id, { signal: soon() }), {
        state: 'working',
        counts: { total: 3, succeeded: 0, failed: 0, unanswered: 3 },
      });
      server().end({ isReversed: true });
      assert.deepEqual(await batches.state(id, { signal: soon() }), {
        state: 'ended',
        counts: { total: 3, succeeded: 3, failed: 0, unanswered: 0 },
      });
      const results = await read(batches, id, sent);
      assert.deepEqual(
        results.map((result) => result.id),
        ['c-2', 'b_1', 'a'],
      );
      for (const each of ['a', 'b_1', 'c-2']) {
        assert.deepEqual(texts(replyTo(results, each)), [`re: ${each}`]);
      }
    });

    it('carry the key, and the mark where the provider can show it', async () => {
      const batches = await open();

      await batches.submit(items('a'), { mark: 'run7', signal: soon() });

      const [batch] = server().batches;
      assert.ok(JSON.stringify(batch?.items[0]?.call.headers).includes(key));
      assert.equal(batch?.items[0]?.id, 'run7_a');
      assert.deepEqual(batch?.metadata, provider === 'anthropic' ? null : { tutti_mark: 'run7' });
    });

    it('give every error that a request met, beside the replies of the others', async () => {
      const failures: Record<string, { status: number; type: string; message: string }> = {
        bad: { status: 400, type: 'invalid_request_error', message: 'too long: bad, badly bad' },
        busy: { status: 429, type: 'rate_limit_error', message: 'slow down' },
        broken: { status: 500, type: 'api_error', message: 'oops' },
      };
      const batches = await open(({ messages: [first] }) => {
        const text = first?.kind === 'text' ? first.text : '';
        const failure = failures[text];
        return failure ? { failure } : { text };
      });
      const sent = items('ok', ...Object.keys(failures));

      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();
      const results = await read(batches, id, sent);

      assert.deepEqual(texts(replyTo(results, 'ok')), ['ok']);
      assert.equal(errorOf(results, 'bad').code, 'MODEL_REFUSED');
      assert.equal(errorOf(results, 'busy').code, 'MODEL_RATE_LIMITED');
      assert.equal(errorOf(results, 'broken').code, 'MODEL_UNAVAILABLE');
      assert.equal(errorOf(results, 'broken').details?.status, 500);
      assert.deepEqual(await batches.state(id, { signal: soon() }), {
        state: 'ended',
        counts: { total: 4, succeeded: 1, failed: 3, unanswered: 0 },
      });
    });

    for (const state of ['expired', 'cancelled'] as const) {
      it(`that ${state} keep what was answered and say what was not`, async () => {
        const batches = await open();
        const sent = items('a', 'b');

        const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
        server().end({ state, answered: 1 });

        const counts = { total: 2, succeeded: 1, failed: 0, unanswered: 1 };
        assert.deepEqual(await batches.state(id, { signal: soon() }), { state, counts });
        const results = await read(batches, id, sent);
        assert.deepEqual(texts(replyTo(results, 'a')), ['re: a']);
        assert.equal(errorOf(results, 'b').code, 'MODEL_UNAVAILABLE');
        assert.equal(errorOf(results, 'b').details?.kind, `batch_${state}`);
      });
    }

    it('can be cancelled, also twice, and when they have ended', async () => {
      const batches = await open();
      const { id } = await batches.submit(items('a'), { mark: 'm', signal: soon() });

      await batches.cancel(id, { signal: soon() });
      await batches.cancel(id, { signal: soon() });
      assert.equal((await batches.state(id, { signal: soon() })).state, 'working');
      server().end({ state: 'cancelled', answered: 0 });
      await batches.cancel(id, { signal: soon() });

      assert.equal((await batches.state(id, { signal: soon() })).state, 'cancelled');
    });

    it('give each result once, and none for a request that is not asked for', async () => {
      const batches = await open();
      const sent = items('a', 'b');

      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end({ isDoubled: true });
      const results = await read(batches, id, sent.slice(0, 1));

      assert.deepEqual(
        results.map((result) => result.id),
        ['a'],
      );
    });

    it('leave out what the provider lost', async () => {
      const batches = await open(({ messages: [first] }) =>
        first?.kind === 'text' && first.text === 'b' ? { isLost: true } : { text: 'here' },
      );
      const sent = items('a', 'b', 'c');

      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();

      assert.deepEqual(
        (await read(batches, id, sent)).map((result) => result.id),
        ['a', 'c'],
      );
    });
  });
}

describe('openBatch', () => {
  const env = { OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key };

  it('opens batches where the provider has them', () => {
    const open = (provider: string, more = {}) =>
      openBatch({ provider, model: 'm', ...more }, env)?.provider ?? null;

    assert.equal(open('openai'), 'openai');
    assert.equal(open('anthropic'), 'anthropic');
    assert.equal(open('openai-chat'), 'openai');
    assert.equal(open('openai-chat', { baseUrl: 'http://127.0.0.1:11434/v1' }), null);
    assert.equal(
      open('openai-chat', { baseUrl: 'http://127.0.0.1:11434/v1', batches: true }),
      'openai',
    );
    assert.equal(open('openai', { batches: false }), null);
    assert.equal(open('scripted'), null);
    assert.equal(open('my-own'), null);
  });

  it('opens nothing without a key', () => {
    assert.throws(() => openBatch({ provider: 'openai', model: 'm' }, {}), /OPENAI_API_KEY/);
  });
});
