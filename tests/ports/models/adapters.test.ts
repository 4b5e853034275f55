import assert from 'node:assert/strict';
import { z } from 'zod';
import { EngineError, type ErrorCode, isEngineError } from '../../../core/base/errors.ts';
import { Money } from '../../../core/base/money.ts';
import { toJsonSchema } from '../../../core/ports/models/json-schema.ts';
import type {
  Model,
  ModelDeadlines,
  ModelReply,
  ModelRequest,
  Part,
} from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import { Id } from '../../../core/sdk/entity.ts';
import {
  type ModelHandler,
  type ModelServer,
  type ServerAnswer,
  type ServerFault,
  startModelServer,
} from '../../support/model-server.ts';

const key = 'sk-test-0123456789abcdef';
const verdict = toJsonSchema(z.object({ verdict: z.enum(['matched', 'price']) }), 'input');
const hold = {
  name: 'finance.hold.place',
  description: 'Blocks a bill.',
  parameters: toJsonSchema(z.object({ bill: z.string().min(1).max(200) }), 'input'),
};
const search = {
  name: 'finance.bill.search',
  description: 'Finds bills.',
  parameters: toJsonSchema(z.object({ text: z.string(), limit: z.int().optional() }), 'input'),
};

function aRequest(changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'test-model',
    instructions: 'Match the bill.',
    messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Bill BILL-0042 of vendor ACME' }] }],
    tools: [],
    output: { name: 'finance.verdict', schema: verdict },
    maxOutputTokens: 500,
    ...changes,
  };
}

const texts = ({ parts }: ModelReply) =>
  parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
const calls = ({ parts }: ModelReply) => parts.filter(({ kind }) => kind === 'call');

async function failureOf(call: Promise<unknown>): Promise<EngineError> {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(isEngineError(error), String(error));
  return error;
}

for (const provider of ['openai', 'openai-chat', 'anthropic'] as const) {
  describe(`the ${provider} adapter`, () => {
    let server: ModelServer | undefined;

    afterEach(async () => {
      await server?.close();
      server = undefined;
    });

    async function open(answer: ServerAnswer | ModelHandler): Promise<Model> {
      server = await startModelServer(typeof answer === 'function' ? answer : () => answer);
      return openModel(
        { provider, model: 'test-model', baseUrl: server.baseUrl(provider), apiKeyEnv: 'TEST_KEY' },
        { TEST_KEY: key },
      );
    }

    async function ask(
      answer: ServerAnswer | ModelHandler,
      options: ModelDeadlines & { request?: ModelRequest; signal?: AbortSignal } = {},
    ): Promise<ModelReply> {
      const { request = aRequest(), signal = AbortSignal.timeout(8_000), ...deadlines } = options;
      const model = await open(answer);
      return await model.call(request, { signal, ...deadlines });
    }

    const seen = () => {
      const call = server?.calls.at(-1);
      assert.ok(call, 'the server saw no call');
      return call;
    };

    const fail = (fault: ServerFault, deadlines: ModelDeadlines = {}) =>
      failureOf(ask({ text: '{"verdict":"matched"}', fault }, deadlines));

    it('sends instructions, text and limits, and reads the text back', async () => {
      const reply = await ask({ text: 'Prüfung: größer als 10 € 👍' });

      assert.deepEqual(texts(reply), ['Prüfung: größer als 10 € 👍']);
      assert.equal(reply.stop, 'end');
      assert.match(reply.model, /^test-model-/);
      assert.notEqual(reply.providerId, '');
      assert.equal(seen().instructions, 'Match the bill.');
      assert.deepEqual(seen().messages, [
        { kind: 'text', role: 'user', text: 'Bill BILL-0042 of vendor ACME' },
      ]);
      assert.equal(seen().maxOutputTokens, 500);
      assert.ok(JSON.stringify(seen().headers).includes(key));
    });

    it('passes text on as it streams', async () => {
      const model = await open({ text: 'one two three four five' });
      const deltas: string[] = [];

      await model.call(aRequest(), {
        signal: AbortSignal.timeout(8_000),
        onDelta: (text) => deltas.push(text),
      });

      assert.ok(deltas.length > 1, `${deltas.length} deltas`);
      assert.equal(deltas.join(''), 'one two three four five');
    });

    it('asks for the final answer in the schema of the output', async () => {
      const reply = await ask({ text: '{"verdict":"price"}' });

      assert.deepEqual(seen().output, { ...verdict, additionalProperties: false });
      assert.deepEqual(JSON.parse(texts(reply).join('')), { verdict: 'price' });
    });

    it('asks for an answer that cannot be enforced without dropping its schema', async () => {
      const schema = toJsonSchema(z.object({ totals: z.record(z.string(), z.string()) }), 'input');

      await ask({ text: '{}' }, { request: aRequest({ output: { name: 'totals', schema } }) });

      const isTold = seen().instructions.includes(JSON.stringify(schema));
      assert.ok(isTold || JSON.stringify(seen().output) === JSON.stringify(schema));
    });

    it('maps tool names with dots there and back, several calls in one turn', async () => {
      const reply = await ask(
        (call) => ({
          text: 'Two steps.',
          calls: [
            { name: call.tools[0]?.name ?? '', args: { bill: 'BILL-0042' } },
            { name: call.tools[1]?.name ?? '', args: { text: 'a "quoted" {brace', limit: 3 } },
          ],
        }),
        { request: aRequest({ tools: [hold, search] }) },
      );

      for (const { name } of seen().tools) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
      assert.equal(reply.stop, 'tools');
      assert.deepEqual(
        reply.parts.map((part) => (part.kind === 'call' ? [part.name, part.args] : part.kind)),
        [
          'text',
          ['finance.hold.place', { bill: 'BILL-0042' }],
          ['finance.bill.search', { text: 'a "quoted" {brace', limit: 3 }],
        ],
      );
      const ids = calls(reply).map((part) => part.kind === 'call' && part.id);
      assert.equal(new Set(ids).size, 2);
    });

    it('is strict only for tools whose schema can be enforced', async () => {
      await ask({ text: 'ok' }, { request: aRequest({ tools: [hold, search] }) });

      const [held, searched] = seen().tools;
      assert.equal(held?.strict, provider !== 'anthropic');
      assert.equal(searched?.strict, false);
      assert.deepEqual(searched?.parameters, search.parameters);
    });

    it('sends calls and their results back, errors marked', async () => {
      const parts: Part[] = [
        { kind: 'call', id: 'call_1', name: 'finance.hold.place', args: { bill: 'B1' } },
        { kind: 'call', id: 'call_2', name: 'finance.hold.place', args: 'no json' },
      ];
      const name = 'finance.hold.place';
      const results: Part[] = [
        { kind: 'result', id: 'call_1', name, content: '{"version":"2"}', isError: false },
        { kind: 'result', id: 'call_2', name, content: 'TOOL_INPUT_INVALID', isError: true },
        { kind: 'text', text: 'Go on.' },
      ];
      const first = aRequest().messages;

      await ask(
        { text: 'done' },
        {
          request: aRequest({
            tools: [hold],
            messages: [...first, { role: 'assistant', parts }, { role: 'user', parts: results }],
          }),
        },
      );

      assert.deepEqual(seen().messages.slice(1), [
        { kind: 'call', id: 'call_1', name: 'finance-hold-place', args: { bill: 'B1' } },
        { kind: 'call', id: 'call_2', name: 'finance-hold-place', args: { invalid: 'no json' } },
        { kind: 'result', id: 'call_1', content: '{"version":"2"}', isError: false },
        { kind: 'result', id: 'call_2', content: 'TOOL_INPUT_INVALID', isError: true },
        { kind: 'text', role: 'user', text: 'Go on.' },
      ]);
    });

    it('hands arguments that are no JSON on as raw text', async () => {
      const reply = await ask(
        { calls: [{ name: 'finance-hold-place', args: '{"bill": "B1"' }] },
        { request: aRequest({ tools: [hold] }) },
      );

      const [call] = calls(reply);
      assert.equal(call?.kind === 'call' && call.args, '{"bill": "B1"');
    });

    it('hands arguments nested too deep on as raw text', async () => {
      const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;

      const reply = await ask({ calls: [{ name: 'finance-hold-place', args: deep }] });

      const [call] = calls(reply);
      assert.equal(call?.kind === 'call' && call.args, deep);
    });

    it('makes lone surrogates harmless', async () => {
      const reply = await ask({ calls: [{ name: 'x', args: '{"a":"\\ud800"}' }] });

      const [call] = calls(reply);
      assert.deepEqual(call?.kind === 'call' && call.args, { a: '\ufffd' });
    });

    it('counts tokens: cached, written to the cache, reasoned', async () => {
      const usage = { input: 900, cachedInput: 600, cacheWrite: 100, output: 70, reasoning: 50 };

      const reply = await ask({ text: 'ok', usage });

      assert.deepEqual(reply.usage, usage);
    });

    for (const [what, usage] of Object.entries({
      NaN: { output: Number.NaN },
      'a negative count': { output: -1 },
      'a fraction': { output: 1.5 },
      '1e308': { output: 1e308 },
      'more cached than sent': { input: 10, cachedInput: 11 },
      'more reasoned than said': { output: 10, reasoning: 11 },
      'text for a count': { output: '12' },
    })) {
      it(`refuses a reply that counts ${what}`, async () => {
        const error = await failureOf(ask({ text: 'ok', usage }));

        assert.equal(error.code, 'MODEL_REPLY_INVALID');
      });
    }

    it('says that the token limit cut the reply, and drops its calls', async () => {
      const reply = await ask({
        text: '{"verd',
        calls: [{ name: 'finance-hold-place', args: '{"bill": "B' }],
        isCut: true,
      });

      assert.equal(reply.stop, 'length');
      assert.deepEqual(calls(reply), []);
    });

    it('says that the model refused', async () => {
      const reply = await ask({ refusal: 'I cannot help with that.' });

      assert.equal(reply.stop, 'refusal');
      assert.deepEqual(texts(reply), ['I cannot help with that.']);
    });

    it('refuses two calls with one id', async () => {
      const twice = { name: 'x', args: {}, id: 'call_1' };
      // Chat tells calls apart by their index as well; the same id again is still the same call twice.
      const error = await failureOf(ask({ calls: [twice, twice] }));

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
    });

    it('refuses thousands of calls in one turn', async () => {
      const many = Array.from({ length: 2_000 }, () => ({ name: 'x', args: {} }));

      const error = await failureOf(ask({ calls: many }));

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
    });

    const inTenSeconds = () => new Date(Date.now() + 10_000).toUTCString();
    const retries: [string, () => Record<string, string>, (ms: unknown) => boolean][] = [
      ['seconds', () => ({ 'retry-after': '7' }), (ms) => ms === 7_000],
      ['a fraction', () => ({ 'retry-after': '0.25' }), (ms) => ms === 250],
      ['milliseconds', () => ({ 'retry-after-ms': '120' }), (ms) => ms === 120],
      [
        'a date',
        () => ({ 'retry-after': inTenSeconds() }),
        (ms) => Number(ms) > 5_000 && Number(ms) <= 10_000,
      ],
      ['a past date', () => ({ 'retry-after': new Date(0).toUTCString() }), (ms) => ms === 0],
      ['a negative number', () => ({ 'retry-after': '-1' }), (ms) => ms === 0],
      ['1e9', () => ({ 'retry-after': '1e9' }), (ms) => ms === 600_000],
      ['nonsense', () => ({ 'retry-after': 'soon' }), (ms) => ms === undefined],
      ['nothing', () => ({}), (ms) => ms === undefined],
    ];
    for (const [what, headers, isRight] of retries) {
      it(`reads Retry-After: ${what}`, async () => {
        const error = await fail({ kind: 'status', status: 429, headers: headers() });

        assert.equal(error.code, 'MODEL_RATE_LIMITED');
        const { retryAfterMs } = error.details ?? {};
        assert.ok(isRight(retryAfterMs), `retryAfterMs is ${retryAfterMs}`);
        assert.equal(server?.calls.length, 1);
      });
    }

    const statuses: [number, ErrorCode][] = [
      [400, 'MODEL_REFUSED'],
      [401, 'MODEL_REFUSED'],
      [403, 'MODEL_REFUSED'],
      [404, 'MODEL_UNKNOWN'],
      [408, 'MODEL_UNAVAILABLE'],
      [413, 'MODEL_REFUSED'],
      [500, 'MODEL_UNAVAILABLE'],
      [502, 'MODEL_UNAVAILABLE'],
      [503, 'MODEL_UNAVAILABLE'],
      [529, 'MODEL_RATE_LIMITED'],
    ];
    for (const [status, code] of statuses) {
      it(`calls status ${status} ${code} after one request`, async () => {
        const error = await fail({ kind: 'status', status });

        assert.equal(error.code, code);
        assert.equal(error.details?.status, status);
        assert.equal(server?.calls.length, 1);
      });
    }

    it('names the variable of a refused key, and never the key', async () => {
      const body = { error: { message: `Incorrect API key provided: ${key}` } };

      const error = await fail({ kind: 'status', status: 401, body });

      assert.match(error.message, /TEST_KEY/);
      assert.ok(!JSON.stringify([error.message, error.details]).includes('0123456789'));
      assert.equal(error.cause, undefined);
    });

    it('passes the reason of a refused request on without what its messages say', async () => {
      const message = `Unsupported value near 'Bill BILL-0042 of vendor ACME' with ${key}: too long`;

      const error = await fail({ kind: 'status', status: 400, body: { error: { message } } });

      assert.match(error.message, /Unsupported value .* too long/);
      assert.doesNotMatch(error.message, /BILL-0042|0123456789/);
    });

    it('takes a spent quota for a refusal that no wait helps', async () => {
      const body = { error: { code: 'insufficient_quota', message: 'no credit' } };

      const error = await fail({ kind: 'status', status: 429, body });

      assert.equal(error.code, 'MODEL_REFUSED');
    });

    it('survives an error body that is no JSON', async () => {
      const error = await fail({ kind: 'status', status: 502, body: '<html>bad gateway</html>' });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.doesNotMatch(error.message, /html/);
    });

    it('follows no redirect with the key', async () => {
      const headers = { location: 'http://127.0.0.1:9/elsewhere' };

      const error = await fail({ kind: 'status', status: 307, headers });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, /redirect/);
    });

    const broken: [string, ServerFault, ErrorCode][] = [
      ['a reset before the head', { kind: 'reset' }, 'MODEL_UNAVAILABLE'],
      ['a stream cut in the middle', { kind: 'cut' }, 'MODEL_UNAVAILABLE'],
      ['an event that is no JSON', { kind: 'garbage' }, 'MODEL_REPLY_INVALID'],
      ['a missing final event', { kind: 'no-final' }, 'MODEL_REPLY_INVALID'],
      [
        'an overload in the stream',
        { kind: 'error-event', name: 'overloaded_error', message: 'busy' },
        'MODEL_RATE_LIMITED',
      ],
      [
        'a server fault in the stream',
        { kind: 'error-event', name: 'server_error', message: 'oops' },
        'MODEL_UNAVAILABLE',
      ],
    ];
    for (const [what, fault, code] of broken) {
      it(`never takes a reply with ${what} for whole`, async () => {
        const error = await fail(fault);

        assert.equal(error.code, code);
      });
    }

    for (const after of ['nothing', 'head', 'half'] as const) {
      it(`gives up on silence after ${after}`, async () => {
        const startedAt = performance.now();

        const error = await fail({ kind: 'silence', after }, { firstByteMs: 50, idleMs: 50 });

        assert.equal(error.code, 'MODEL_UNAVAILABLE');
        assert.deepEqual(error.details, { timeoutMs: 50 });
        assert.ok(performance.now() - startedAt < 2_000);
        await assertClosed(server);
      });
    }

    it('gives up at the total deadline on a reply that only drips', async () => {
      const fault = { kind: 'drip', everyMs: 10, times: 1_000 } as const;

      const error = await fail(fault, { idleMs: 5_000, totalMs: 80 });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(error.details, { timeoutMs: 80 });
      await assertClosed(server);
    });

    it('takes keep-alive comments for life', async () => {
      const fault = { kind: 'drip', everyMs: 20, times: 20 } as const;

      const reply = await ask({ text: 'at last', fault }, { firstByteMs: 5_000, idleMs: 200 });

      assert.deepEqual(texts(reply), ['at last']);
    });

    it('keeps a whole reply whose connection stays open', async () => {
      const reply = await ask({ text: 'whole', fault: { kind: 'open-end' } }, { idleMs: 50 });

      assert.deepEqual(texts(reply), ['whole']);
      await assertClosed(server);
    });

    it('cuts a reply without end', async () => {
      const error = await fail({ kind: 'flood', sizeBytes: 80 * 1024 * 1024 });

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
      assert.match(error.message, /bytes/);
    });

    it('stops when its signal is aborted, with the reason of the signal', async () => {
      const abort = new AbortController();
      const reason = new EngineError('AGENT_TIMEOUT', 'The agent ran out of time.');
      const arrived = Promise.withResolvers<void>();
      const call = ask(
        () => {
          arrived.resolve();
          return { text: 'x', fault: { kind: 'silence', after: 'half' } };
        },
        { signal: abort.signal },
      );
      await arrived.promise;

      abort.abort(reason);

      assert.equal(await failureOf(call), reason);
      await assertClosed(server);
    });

    it('does not call with a signal that is aborted already', async () => {
      const error = await failureOf(ask({ text: 'x' }, { signal: AbortSignal.abort() }));

      assert.equal(error.code, 'CANCELLED');
      assert.equal(server?.calls.length, 0);
    });

    it('says where it could not connect', async () => {
      const { url } = await startModelServer(() => ({})).then(async (gone) => {
        await gone.close();
        return gone;
      });
      const model = openModel(
        { provider, model: 'm', baseUrl: url, apiKeyEnv: 'K' },
        { K: 'secret-key-value' },
      );

      const error = await failureOf(model.call(aRequest(), { signal: AbortSignal.timeout(8_000) }));

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, new RegExp(`${url}.*ECONNREFUSED`));
    });

    it('runs many calls at once without mixing them', async () => {
      const model = await open((call) => ({ text: JSON.stringify(call.messages), latencyMs: 5 }));

      const replies = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const parts = [{ kind: 'text', text: `bill ${index}` }] as const;
          const request = aRequest({ messages: [{ role: 'user', parts }] });
          return await model.call(request, { signal: AbortSignal.timeout(8_000) });
        }),
      );

      replies.forEach((reply, index) => {
        assert.match(texts(reply).join(''), new RegExp(`"bill ${index}"`));
      });
    });

    it('sends the shapes of ids and money as plain JSON Schema', async () => {
      const parameters = toJsonSchema(
        z.object({ bill: Id('bill' as never), amount: Money, due: z.iso.date() }),
        'input',
      );
      const tool = { name: 'finance.bill.pay', description: 'Pays.', parameters };

      await ask({ text: 'ok' }, { request: aRequest({ tools: [tool] }) });

      const sent = JSON.stringify(seen().tools[0]?.parameters);
      assert.match(sent, /id of a bill/);
      assert.match(sent, /"amount":\{"type":"object"/);
      assert.match(sent, /"format":"date"/);
      assert.doesNotMatch(sent, /\[2468\]/);
    });
  });
}

for (const provider of ['openai', 'anthropic'] as const) {
  describe(`reasoning at ${provider}`, () => {
    let server: ModelServer | undefined;

    afterEach(() => server?.close());

    it('goes back with the call that it led to, to the same model only', async () => {
      server = await startModelServer(() => ({
        thought: 'c2VjcmV0IHRob3VnaHQ=',
        calls: [{ name: 'finance-hold-place', args: { bill: 'B1' } }],
      }));
      const target = { provider, model: 'm', baseUrl: server.baseUrl(provider) };
      const model = openModel(target, { OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key });
      const signal = AbortSignal.timeout(8_000);
      const request = aRequest({ tools: [hold] });

      const { parts } = await model.call(request, { signal });
      const messages = [...request.messages, { role: 'assistant' as const, parts }];
      await model.call({ ...request, messages }, { signal });
      await model.call({ ...request, messages, model: 'another-model' }, { signal });

      const [, same, other] = server.calls.map((call) => call.messages.map(({ kind }) => kind));
      assert.deepEqual(same, ['text', 'echo', 'call']);
      assert.deepEqual(other, ['text', 'call']);
      assert.match(JSON.stringify(server.calls[1]?.messages), /c2VjcmV0IHRob3VnaHQ=/);
    });
  });
}

/** Waits until the server holds no open request. */
async function assertClosed(server: ModelServer | undefined): Promise<void> {
  const deadline = performance.now() + 2_000;
  while (server && server.open > 0) {
    assert.ok(performance.now() < deadline, 'a connection was left open');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
