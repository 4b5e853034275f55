import assert from 'node:assert/strict';
import { z } from 'zod';
import { Money } from '../../../core/base/money.ts';
import { toJsonSchema } from '../../../core/ports/models/json-schema.ts';
import type { ModelReply, Part } from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import { Id } from '../../../core/sdk/entity.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import { verifies } from '../../support/verifies.ts';
import {
  aRequest,
  failureOf,
  hold,
  key,
  providers,
  texts,
  useAdapter,
  verdict,
} from './adapter.ts';

const search = {
  name: 'finance.bill.search',
  description: 'Finds bills.',
  parameters: toJsonSchema(z.object({ text: z.string(), limit: z.int().optional() }), 'input'),
};

const calls = ({ parts }: ModelReply) => parts.filter(({ kind }) => kind === 'call');

for (const provider of providers) {
  describe(`the ${provider} adapter`, () => {
    const { open, ask, seen } = useAdapter(provider);

    it('sends instructions, text and limits, and reads the text back', async () => {
      verifies('R4.compatible-endpoint');
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
        signal: AbortSignal.timeout(60_000),
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
      verifies('R4.tool-calls');
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
        verifies('R12.input-validation');
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

    it('runs many calls at once without mixing them', async () => {
      const model = await open((call) => ({ text: JSON.stringify(call.messages), latencyMs: 5 }));

      const replies = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const parts = [{ kind: 'text', text: `bill ${index}` }] as const;
          const request = aRequest({ messages: [{ role: 'user', parts }] });
          return await model.call(request, { signal: AbortSignal.timeout(60_000) });
        }),
      );

      replies.forEach((reply, index) => {
        assert.match(texts(reply).join(''), new RegExp(`"bill ${index}"`));
      });
    });

    it('sends the shapes of ids and money as plain JSON Schema', async () => {
      verifies('R1.tool-schema');
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

    /** A server that thinks before it calls a tool, and what its model was asked with the reply behind it. */
    async function goneOn(reply: { readonly text?: string }) {
      server = await startModelServer(() => ({
        thought: 'c2VjcmV0IHRob3VnaHQ=',
        ...reply,
        calls: [{ name: 'finance-hold-place', args: { bill: 'B1' } }],
      }));
      const target = { provider, model: 'm', baseUrl: server.baseUrl(provider) };
      const model = openModel(target, { OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key });
      const signal = AbortSignal.timeout(60_000);
      const first = aRequest({ tools: [hold] });

      const { parts } = await model.call(first, { signal });
      const request = {
        ...first,
        messages: [...first.messages, { role: 'assistant' as const, parts }],
      };
      await model.call(request, { signal });
      return { calls: server.calls, model, request, signal };
    }

    it('goes back with the call that it led to, to the same model only', async () => {
      const { calls, model, request, signal } = await goneOn({});
      await model.call({ ...request, model: 'another-model' }, { signal });

      const [, same, other] = calls.map((call) => call.messages.map(({ kind }) => kind));
      assert.deepEqual(same, ['text', 'echo', 'call']);
      assert.deepEqual(other, ['text', 'call']);
      assert.match(JSON.stringify(calls[1]?.messages), /c2VjcmV0IHRob3VnaHQ=/);
    });

    it('goes back with the call where an empty text stands between them', async () => {
      const { calls } = await goneOn({ text: '' });

      const [, seen] = calls.map((call) => call.messages.map(({ kind }) => kind));
      assert.deepEqual(seen, ['text', 'echo', 'call']);
    });

    it('goes back without a blank text where the provider refuses one', async () => {
      const { calls } = await goneOn({ text: '\n\n' });

      const [, seen] = calls.map((call) => call.messages.map(({ kind }) => kind));
      const text = provider === 'anthropic' ? [] : ['text'];
      assert.deepEqual(seen, ['text', 'echo', ...text, 'call']);
    });
  });
}
