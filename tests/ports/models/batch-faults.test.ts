import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import type { BatchResult } from '../../../core/ports/models/batch/batch.ts';
import { eventually } from '../../support/eventually.ts';
import { aRequest, failureOf, key, providers, texts } from './adapter.ts';
import { errorOf, items, replyTo, soon, useBatches } from './batch-provider.ts';

const secret = 'IBAN DE89 3704 0044 0532 0130 00 of ACME';

for (const provider of providers) {
  const isMessages = provider === 'anthropic';
  const create = isMessages ? /^POST .*batches$/ : /^POST \/v1\/batches$/;
  const retrieve = /^GET .*batches\/[^/]+$/;
  const content = isMessages ? /results$/ : /content$/;

  describe(`batches of ${provider}, when something goes wrong`, () => {
    const { open, server, read } = useBatches(provider);

    it('say that a refused submission left nothing', async () => {
      const batches = await open();
      for (const [status, code] of [
        [400, 'MODEL_REFUSED'],
        [401, 'MODEL_REFUSED'],
        [429, 'MODEL_RATE_LIMITED'],
      ] as const) {
        server().fail(create, { kind: 'status', status, headers: { 'retry-after': '7' } });

        const error = await failureOf(batches.submit(items('a'), { mark: 'm', signal: soon() }));

        assert.equal(error.code, code);
        assert.equal(error.details?.mayExist, false);
        assert.equal(error.details?.retryAfterMs, 7_000);
      }
      assert.equal(server().batches.length, 0);
      assert.equal(server().files.size, 0, 'an input file stayed');
    });

    it('hear a refusal whose words never come', async () => {
      const batches = await open();
      const headers = { 'content-length': '500' };
      server().fail(create, { kind: 'status', status: 429, body: '{"error":', headers });

      const error = await failureOf(batches.submit(items('a'), { mark: 'm', signal: soon() }));

      assert.equal(error.code, 'MODEL_RATE_LIMITED');
      assert.equal(error.details?.mayExist, false);
    });

    it('say that a broken submission may have left something', async () => {
      const batches = await open();
      for (const fault of [
        { kind: 'reset', after: 'deed' },
        { kind: 'reset', after: 'nothing' },
        { kind: 'cut', afterBytes: 10 },
        { kind: 'status', status: 503 },
      ] as const) {
        server().fail(create, fault);

        const error = await failureOf(batches.submit(items('a'), { mark: 'm', signal: soon() }));

        assert.equal(error.details?.mayExist, true, JSON.stringify(fault));
        assert.ok(error.retryable, error.code);
      }
      assert.equal(server().batches.length, 2);
    });

    it('repeat neither key nor requests in their errors', async () => {
      const message = `${key}: cannot accept '${secret}' in requests.0`;
      const request = aRequest({
        messages: [{ role: 'user', parts: [{ kind: 'text', text: `Bill with ${secret}` }] }],
      });
      const type = 'invalid_request_error';
      const batches = await open(() => ({ failure: { status: 400, type, message } }));
      server().fail(create, { kind: 'status', status: 400, body: { error: { type, message } } });
      const sent = [{ id: 'a', request }];

      const refused = await failureOf(batches.submit(sent, { mark: 'm', signal: soon() }));
      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();
      const failed = errorOf(await read(batches, id, sent), 'a');

      for (const error of [refused, failed]) {
        assert.match(error.message, /cannot accept/);
        assert.ok(!error.message.includes('DE89 3704'), error.message);
        assert.ok(!error.message.includes(key), error.message);
      }
    });

    it('leave the words of an error out where too much would have to be searched', async () => {
      const text = 'x'.repeat(3 * 1024 * 1024) + secret;
      const request = aRequest({ messages: [{ role: 'user', parts: [{ kind: 'text', text }] }] });
      const batches = await open();
      const body = { error: { type: 'invalid_request_error', message: `no '${secret}'` } };
      server().fail(create, { kind: 'status', status: 400, body });

      const error = await failureOf(
        batches.submit([{ id: 'a', request }], { mark: 'm', signal: soon() }),
      );

      assert.equal(error.code, 'MODEL_REFUSED');
      assert.ok(!error.message.includes('DE89'), error.message);
    });

    it('break with the stream of results, and give all of them when read again', async () => {
      const batches = await open();
      const sent = items('a', 'b', 'c');
      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();
      const [batch] = server().batches;
      const firstLine = (batch?.output ?? '').indexOf('\n') + 1;
      server().fail(content, { kind: 'cut', afterBytes: firstLine + 40 });
      const before: BatchResult[] = [];

      const error = await failureOf(
        (async () => {
          const requestOf = (each: string) => sent.find((item) => item.id === each)?.request;
          for await (const each of batches.results(id, { signal: soon(), requestOf })) {
            before.push(each);
          }
        })(),
      );

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(
        before.map((each) => each.id),
        ['a'],
      );
      assert.deepEqual(
        (await read(batches, id, sent)).map((each) => each.id),
        ['a', 'b', 'c'],
      );
    });

    it('give what can be read before they tell of lines that cannot', async () => {
      const batches = await open();
      const sent = items('a', 'b');
      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end({
        lines: ['{"custom_id": "m_a"', '', '[]', `{"x":${'['.repeat(50_000)}`, '{"custom_id": 7}'],
        isTorn: true,
      });
      const results: BatchResult[] = [];

      const error = await failureOf(
        (async () => {
          const requestOf = (each: string) => sent.find((item) => item.id === each)?.request;
          for await (const each of batches.results(id, { signal: soon(), requestOf })) {
            results.push(each);
          }
        })(),
      );

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
      assert.match(error.message, /5 of its lines/);
      assert.deepEqual(
        results.map((each) => each.id),
        ['a'],
      );
    });

    it('have a reply without sense as an error of its request alone', async () => {
      const bodies: unknown[] = [null, {}, 'text', { status: 'completed', usage: null }];
      const batches = await open((_, id) => {
        const body = bodies[Number(id.split('_')[1])];
        return body === undefined ? { text: 'fine' } : { body };
      });
      const sent = items('0', '1', '2', '3', '4');
      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();

      const results = await read(batches, id, sent);

      for (const each of ['0', '1', '2', '3']) {
        assert.equal(errorOf(results, each).code, 'MODEL_REPLY_INVALID');
      }
      assert.deepEqual(texts(replyTo(results, '4')), ['fine']);
    });

    it('are unknown when the provider has them no more', async () => {
      const batches = await open();
      const sent = items('a');
      const { id } = await batches.submit(sent, { mark: 'm', signal: soon() });
      server().end();
      server().forget(id, 'results');

      assert.equal((await failureOf(read(batches, id, sent))).code, 'MODEL_UNKNOWN');
      server().forget(id, 'batch');
      const error = await failureOf(batches.state(id, { signal: soon() }));
      assert.equal(error.code, 'MODEL_UNKNOWN');
      assert.match(error.message, new RegExp(`${id}.*call directly`));
    });

    it('have no results while they are at work', async () => {
      const batches = await open();
      const { id } = await batches.submit(items('a'), { mark: 'm', signal: soon() });

      const error = await failureOf(read(batches, id, items('a')));

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, /at work/);
    });

    it('are left alone by a call that is given up', async () => {
      const batches = await open();
      const { id } = await batches.submit(items('a'), { mark: 'm', signal: soon() });
      server().end();
      const why = new EngineError('ENGINE_STOPPED', 'The engine stops.');
      const stop = new AbortController();
      server().fail(content, { kind: 'silence', afterBytes: 10 });
      const reading = failureOf(
        (async () => {
          const options = { signal: stop.signal, requestOf: () => aRequest() };
          for await (const _ of batches.results(id, options));
        })(),
      );
      await eventually(() => server().requests.some((route) => content.test(route)));

      stop.abort(why);

      assert.equal(await reading, why);
      const error = await failureOf(batches.state(id, { signal: AbortSignal.abort(why) }));
      assert.equal(error, why);
    });

    it('name a failure of the provider as direct calls do', async () => {
      const batches = await open();
      server().fail(retrieve, { kind: 'status', status: 500 });
      server().fail(retrieve, { kind: 'reset', after: 'nothing' });
      server().fail(retrieve, { kind: 'status', status: 200, body: '{"id":"batch_1"}' });

      for (const code of ['MODEL_UNAVAILABLE', 'MODEL_UNAVAILABLE', 'MODEL_REPLY_INVALID']) {
        const error = await failureOf(batches.state('batch_1', { signal: soon() }));
        assert.equal(error.code, code, error.message);
      }
      assert.equal(server().requests.length, 3, 'something was tried again');
    });
  });
}

describe('batches of openai that the provider refuses', () => {
  const { open, server } = useBatches('openai');

  for (const [code, expected] of [
    ['invalid_json_line', 'MODEL_REFUSED'],
    ['token_limit_exceeded', 'MODEL_RATE_LIMITED'],
  ] as const) {
    it(`say why (${code})`, async () => {
      const batches = await open();
      const { id } = await batches.submit(items('a'), { mark: 'm', signal: soon() });
      server().end({ state: 'failed', code });

      const state = await batches.state(id, { signal: soon() });

      assert.ok(state.state === 'failed');
      assert.equal(state.error.code, expected);
      assert.match(state.error.message, new RegExp(code));
    });
  }
});
