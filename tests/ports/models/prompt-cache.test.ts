import assert from 'node:assert/strict';
import { defineAgent, z } from 'tutti';
import { Prompt } from '../../../core/guard/prompt.ts';
import type { Message, ModelRequest } from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import { hold, key, providers, verdict } from './adapter.ts';

type Json = Record<string, unknown>;

const opening = (bill: string): Message => ({
  role: 'user',
  parts: [{ kind: 'text', text: `Match ${bill}` }],
});

/** A turn of the model with some calls, and what they came to. */
function turn(number: number, calls = 2): Message[] {
  const ids = Array.from({ length: calls }, (_, index) => `call_${number}_${index}`);
  return [
    {
      role: 'assistant',
      parts: ids.map((id) => ({ kind: 'call', id, name: hold.name, args: { bill: id } })),
    },
    {
      role: 'user',
      parts: ids.map((id) => {
        return { kind: 'result', id, name: hold.name, content: `of ${id}`, isError: false };
      }),
    },
  ];
}

const aRequest = (messages: readonly Message[], changes: Partial<ModelRequest> = {}) => ({
  model: 'm',
  instructions: 'Match bills with orders.',
  messages,
  tools: [{ ...hold, name: 'finance.bill.search' }, hold],
  output: { name: 'finance.verdict', schema: verdict },
  maxOutputTokens: 500,
  ...changes,
});

/** The conversation, byte for byte, without the marks that move with it. */
function conversationOf(body: Json): string[] {
  const list = (body.messages ?? body.input) as Json[];
  return list.map((each) =>
    JSON.stringify(each).replaceAll(',"cache_control":{"type":"ephemeral"}', ''),
  );
}

describe('prompt caching', () => {
  let server: ModelServer;

  before(async () => {
    server = await startModelServer(() => ({ text: '{"verdict":"matched"}' }));
  });
  after(() => server.close());

  async function send(
    provider: (typeof providers)[number],
    ...requests: readonly ModelRequest[]
  ): Promise<Json[]> {
    const target = { provider, model: 'm', baseUrl: server.baseUrl(provider), apiKeyEnv: 'K' };
    const model = openModel(target, { K: key });
    const from = server.calls.length;
    for (const request of requests)
      await model.call(request, { signal: AbortSignal.timeout(60_000) });
    return server.calls.slice(from).map(({ body }) => body as Json);
  }

  for (const provider of providers) {
    describe(`what the ${provider} adapter sends for the provider to cache`, () => {
      it('begins alike, byte for byte, in every turn of a conversation', async () => {
        const turns = [1, 2, 3].map((count) => [
          opening('BILL-1'),
          ...[0, 1, 2].slice(0, count - 1).flatMap((number) => turn(number)),
        ]);

        const bodies = await send(provider, ...turns.map((messages) => aRequest(messages)));

        const [first, second, third] = bodies.map(conversationOf) as [string[], string[], string[]];
        assert.deepEqual(second.slice(0, first.length), first);
        assert.deepEqual(third.slice(0, second.length), second);
        assert.ok(third.length > second.length && second.length > first.length);
      });

      it('has the same instructions, tools and form, byte for byte, for every item of a foreach', async () => {
        const agent = defineAgent({
          name: 'match',
          purpose: 'Matches bills.',
          instructions: 'Match each bill with its order.',
          input: z.object({ bill: z.string() }),
          output: z.object({ verdict: z.enum(['matched', 'price']) }),
          findings: { 'bill.price': 'The price differs.' },
          tools: {},
        });
        const prompt = new Prompt({ ...agent, name: 'finance.match' } as never);
        const requests = ['BILL-1', 'BILL-2'].map((bill) =>
          prompt.request('m', [prompt.opening({ bill }, '2026-06-30')], 500),
        );

        const [one, other] = await send(provider, ...requests);

        const shared = (body: Json | undefined) => {
          const { messages, input, ...rest } = body as Json;
          const system = provider === 'openai-chat' ? (messages as Json[])[0] : null;
          return JSON.stringify([rest, system]);
        };
        assert.equal(shared(one), shared(other));
        assert.notDeepEqual(conversationOf(one as Json), conversationOf(other as Json));
      });
    });
  }

  describe('cache breakpoints at the anthropic adapter', () => {
    const mark = { type: 'ephemeral' };
    const marks = (body: Json | undefined) =>
      JSON.stringify(body).split('"cache_control"').length - 1;
    const marksOf = (body: Json = {}, field: 'system' | 'tools') =>
      (body[field] as Json[]).map(({ cache_control }) => cache_control);
    const lastBlocks = (body: Json = {}) =>
      (body.messages as { role: string; content: Json[] }[]).map(
        ({ content }) => content.at(-1)?.cache_control,
      );

    it('stand after the instructions, which tools come before, and not in an opening', async () => {
      const [body] = await send('anthropic', aRequest([opening('BILL-1')]));

      assert.deepEqual(marksOf(body, 'system'), [mark]);
      assert.equal(marks(body), 1);
    });

    it('stand after the tools where there are no instructions', async () => {
      const [body] = await send('anthropic', aRequest([opening('BILL-1')], { instructions: '' }));

      assert.deepEqual(marksOf(body, 'tools'), [undefined, mark]);
      assert.equal(marks(body), 1);
    });

    it('stand after the last two messages of the user, however long the conversation is', async () => {
      const messages = [opening('BILL-1'), ...turn(0), ...turn(1, 30), ...turn(2)];

      const [second, fourth] = await send(
        'anthropic',
        aRequest(messages.slice(0, 3)),
        aRequest(messages),
      );

      assert.deepEqual(lastBlocks(second), [mark, undefined, mark]);
      assert.deepEqual(lastBlocks(fourth), [
        undefined,
        undefined,
        undefined,
        undefined,
        mark,
        undefined,
        mark,
      ]);
      assert.equal(marks(fourth), 3);
    });
  });

  describe('the key for the cache of OpenAI', () => {
    const keyOf = (body: Json | undefined) => String(body?.prompt_cache_key);

    it('is the same for all calls of an agent, and another for another agent', async () => {
      const [one, item, later, other, form] = await send(
        'openai',
        aRequest([opening('BILL-1')]),
        aRequest([opening('BILL-2')]),
        aRequest([opening('BILL-1'), ...turn(0)]),
        aRequest([opening('BILL-1')], { instructions: 'Match orders.' }),
        aRequest([opening('BILL-1')], { tools: [hold] }),
      );

      assert.match(keyOf(one), /^tutti-[0-9a-f]{32}$/);
      assert.equal(keyOf(item), keyOf(one));
      assert.equal(keyOf(later), keyOf(one));
      assert.equal(new Set([one, other, form].map(keyOf)).size, 3);
      assert.equal('prompt_cache_retention' in (one ?? {}), false);
    });

    it('goes to no other server that speaks Chat Completions', async () => {
      const [body] = await send('openai-chat', aRequest([opening('BILL-1')]));

      assert.equal('prompt_cache_key' in (body ?? {}), false);
    });

    it("goes to OpenAI's own Chat Completions", async () => {
      const platform = globalThis.fetch;
      // The one address that a test cannot have.
      globalThis.fetch = (input, init) =>
        platform(String(input).replace('https://api.openai.com', server.url), init);
      try {
        const model = openModel({ provider: 'openai-chat', model: 'm' }, { OPENAI_API_KEY: key });
        await model.call(aRequest([opening('BILL-1')]), { signal: AbortSignal.timeout(60_000) });
      } finally {
        globalThis.fetch = platform;
      }

      const body = server.calls.at(-1)?.body;
      assert.match(keyOf(body as Json), /^tutti-[0-9a-f]{32}$/);
      assert.equal(body?.max_completion_tokens, 500);
    });
  });
});
