import assert from 'node:assert/strict';
import type { Wire } from '../../support/fault-server.ts';
import { sendWhole } from '../../support/fault-server.ts';
import { verifies } from '../../support/verifies.ts';
import { aRequest, hold, providers } from './adapter.ts';
import { useWire } from './wire.ts';

const reply = {
  thought: 'c2VhbGVk',
  text: 'I block the bill and say so.',
  calls: [{ name: 'finance-hold-place', args: { bill: 'ARGUMENT' } }],
};

/** Thoughts in words, as each provider and the servers like it stream them when they are asked to show them. */
const thoughts: Readonly<Record<(typeof providers)[number], readonly object[]>> = {
  openai: [
    { type: 'response.reasoning_summary_text.delta', delta: 'THOUGHT', item_id: 'r' },
    { type: 'response.reasoning_text.delta', delta: 'THOUGHT', item_id: 'r' },
  ],
  'openai-chat': [
    { choices: [{ index: 0, delta: { reasoning_content: 'THOUGHT' } }] },
    { choices: [{ index: 0, delta: { reasoning: 'THOUGHT' } }] },
  ],
  anthropic: [],
};

for (const provider of providers) {
  describe(`deltas at the ${provider} adapter`, () => {
    const { call } = useWire(provider);

    async function deltasOf(script: (wire: Wire) => void): Promise<string> {
      const deltas: string[] = [];
      await call(script, {
        reply,
        request: aRequest({ tools: [hold] }),
        onDelta: (text) => deltas.push(text),
      });
      assert.ok(deltas.length > 1 && !deltas.includes(''));
      return deltas.join('|');
    }

    it('are the text, and neither thoughts nor arguments', async () => {
      verifies('R4.streaming');
      const deltas = await deltasOf(sendWhole);

      assert.equal(deltas.replaceAll('|', ''), reply.text);
    });

    it('are not thoughts in words either', async () => {
      const deltas = await deltasOf((wire) => {
        wire.head();
        const [first = '', ...rest] = wire.events;
        wire.chunk(first);
        for (const thought of thoughts[provider])
          wire.chunk(`data: ${JSON.stringify(thought)}\n\n`);
        for (const event of rest)
          wire.chunk(event.replace('"thinking":""', '"thinking":"THOUGHT"'));
        wire.end();
      });

      assert.equal(deltas.replaceAll('|', ''), reply.text);
    });

    it('come while the reply is still under way', async () => {
      const heard = Promise.withResolvers<void>();

      const { stop } = await call(
        async (wire) => {
          wire.head();
          const middle = wire.events.findIndex((event) => event.includes('I block'));
          for (const event of wire.events.slice(0, middle + 1)) wire.chunk(event);
          await heard.promise;
          for (const event of wire.events.slice(middle + 1)) wire.chunk(event);
          wire.end();
        },
        { reply, onDelta: () => heard.resolve() },
      );

      assert.equal(stop, 'tools');
    });
  });
}
