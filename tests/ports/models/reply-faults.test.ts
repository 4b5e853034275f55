import assert from 'node:assert/strict';
import type { Part } from '../../../core/ports/models/model.ts';
import { eventually } from '../../support/eventually.ts';
import { sendWhole, type Wire } from '../../support/fault-server.ts';
import { verifies } from '../../support/verifies.ts';
import { aRequest, failureOf, hold, providers, texts } from './adapter.ts';
import { useWire } from './wire.ts';

const megabyte = 1024 * 1024;
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** A body of these bytes and nothing else. */
const body =
  (text: string, headers: Readonly<Record<string, string>> = {}) =>
  (wire: Wire) => {
    wire.head(200, headers);
    wire.chunk(text);
    wire.end();
  };

/** The events of a reply with something changed on the wire. */
const changed = (change: (events: string) => string) => (wire: Wire) =>
  body(change(wire.events.join('')))(wire);

/** Catalogue C3: replies that end in order and still say nothing that can be used. */
const garbage: Readonly<Record<string, (wire: Wire) => void>> = {
  'a page': body('<html><body>Welcome</body></html>', { 'content-type': 'text/html' }),
  'a reply that is no stream': body('{"id":"r","choices":[]}', {
    'content-type': 'application/json',
  }),
  nothing: (wire) => {
    wire.head();
    wire.end();
  },
  'a number for an event': body('event: message_start\ndata: 7\n\n'),
  'null for an event': body('event: message_start\ndata: null\n\n'),
  'a list for an event': body('event: message_start\ndata: [[]]\n\n'),
  'events cut in the middle': changed((events) => events.slice(0, -40)),
  'text that is a number': changed((events) =>
    events.replaceAll(/"(?:text|content)":"[^"]+"/g, '"text":7,"content":7'),
  ),
  'no usage': changed((events) => events.replaceAll('"usage"', '"used"')),
  'usage that is a list': changed((events) =>
    events.replaceAll(/"usage":\{/g, '"usage":[7],"x":{'),
  ),
  'an unknown reason for its end': changed((events) =>
    events
      .replaceAll('"end_turn"', '"because"')
      .replaceAll('"status":"completed"', '"status":"because"')
      .replaceAll('"finish_reason":"stop"', '"finish_reason":7'),
  ),
};

for (const provider of providers) {
  describe(`a reply that cannot be used, at the ${provider} adapter`, () => {
    const { call, server } = useWire(provider);

    for (const [what, script] of Object.entries(garbage)) {
      it(`is an error that says so: ${what}`, async () => {
        verifies('R12.input-validation');
        const error = await failureOf(call(script));

        assert.equal(error.code, 'MODEL_REPLY_INVALID', error.message);
        assert.doesNotMatch(error.message, /matched|Welcome/);
      });
    }

    it('is cut at 40 MB, whatever it holds', async () => {
      let sent = 0;
      const error = await failureOf(
        call(async (wire) => {
          wire.head();
          while (sent < 50 && !wire.socket.destroyed) {
            sent++;
            wire.chunk(`: ${'x'.repeat(megabyte)}\n\n`);
            if (wire.socket.writableNeedDrain) await drained(wire);
          }
          for (const event of wire.events) wire.chunk(event);
          wire.end();
        }),
      );

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
      assert.match(error.message, /bytes/);
      await eventually(() => server().open === 0);
    });

    it('is an error for 10,000 calls in one turn', async () => {
      const calls = Array.from({ length: 10_000 }, () => ({ name: 'x', args: {} }));

      const error = await failureOf(call(sendWhole, { reply: { calls } }));

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
      assert.match(error.message, /more than 128 calls/);
    });

    it('allows 128 calls in one turn', async () => {
      const calls = Array.from({ length: 128 }, () => ({ name: 'x', args: {} }));

      const { parts } = await call(sendWhole, { reply: { calls } });

      assert.equal(parts.filter(({ kind }) => kind === 'call').length, 128);
    });

    it('hands a call of a tool that nobody offered on, for the model to be told', async () => {
      const reply = { calls: [{ name: 'finance-hold-lift', args: {} }] };

      const { parts, stop } = await call(sendWhole, {
        reply,
        request: aRequest({ tools: [hold] }),
      });

      assert.equal(stop, 'tools');
      assert.deepEqual(parts.map(nameOf), ['finance.hold.lift']);
    });

    it('overlooks what is nested without end where nothing is read', async () => {
      const nested = `,"extra":${deep(50_000)}}\n\n`;

      const reply = await call(changed((events) => events.replace(/\}\n\n/, nested)));

      assert.deepEqual(texts(reply), ['{"verdict":"matched"}']);
    });

    it('hands arguments that are nested without end on as text', async () => {
      const reply = await call(sendWhole, {
        reply: { calls: [{ name: 'x', args: deep(50_000) }] },
      });

      assert.deepEqual(
        reply.parts.map((part) => part.kind === 'call' && part.args),
        [deep(50_000)],
      );
    });

    it('hands whole numbers that a number would round on as the text that they are', async () => {
      const args = '{"id":9007199254740993,"n":[-9007199254740993,9007199254740991,2.5,1e3]}';

      const reply = await call(sendWhole, { reply: { calls: [{ name: 'x', args }] } });

      assert.deepEqual(
        reply.parts.map((part) => part.kind === 'call' && part.args),
        [{ id: '9007199254740993', n: ['-9007199254740993', 9007199254740991, 2.5, 1_000] }],
      );
    });

    it('makes lone surrogates in its text harmless', async () => {
      const reply = await call(
        changed((events) => events.replaceAll('verdict', '\\ud800')),
        { reply: { text: 'verdict' } },
      );

      assert.deepEqual(texts(reply), ['\ufffd']);
    });

    for (const [what, id] of [
      ['a lone surrogate', '\\udfff'],
      ['a NUL', '\\u0000'],
      ['a thousand characters', 'x'.repeat(1_000)],
    ] as const) {
      it(`is an error when the id of a call has ${what}`, async () => {
        const error = await failureOf(
          call(
            changed((events) => events.replaceAll('call_me', id)),
            { reply: { calls: [{ name: 'x', args: {}, id: 'call_me' }] } },
          ),
        );

        assert.equal(error.code, 'MODEL_REPLY_INVALID');
      });
    }
  });

  describe(`an error response without end, at the ${provider} adapter`, () => {
    const { call, server } = useWire(provider);

    it('is read no further than it can say anything', async () => {
      const error = await failureOf(
        call(async (wire) => {
          wire.head(429, { 'retry-after': '7' });
          for (let sent = 0; sent < 50 && !wire.socket.destroyed; sent++) {
            wire.chunk('x'.repeat(megabyte));
            if (wire.socket.writableNeedDrain) await drained(wire);
          }
        }),
      );

      assert.equal(error.code, 'MODEL_RATE_LIMITED');
      assert.equal(error.details?.retryAfterMs, 7_000);
      await eventually(() => server().open === 0);
    });

    it('is known by its head when its body never comes', async () => {
      const startedAt = performance.now();

      const error = await failureOf(call((wire) => wire.head(529, { 'retry-after': '7' })));

      assert.equal(error.code, 'MODEL_RATE_LIMITED');
      assert.equal(error.details?.retryAfterMs, 7_000);
      assert.ok(performance.now() - startedAt < 30_000);
      await eventually(() => server().open === 0);
    });
  });
}

describe('reasoning that cannot go back', () => {
  const openai = useWire('openai');
  const anthropic = useWire('anthropic');

  it('is an error when it is nested without end', async () => {
    const reply = { thought: 'sealed', calls: [{ name: 'x', args: {} }] };

    for (const depth of [65, 50_000]) {
      const error = await failureOf(
        openai.call(
          changed((events) => events.replaceAll('"summary":[]', `"summary":[${deep(depth)}]`)),
          { reply },
        ),
      );

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
    }
  });

  it('is an error when a call comes with arguments nested without end beside its text', async () => {
    const error = await failureOf(
      anthropic.call(
        changed((events) =>
          events
            .replaceAll('"input":{}', `"input":${deep(50_000)}`)
            .replaceAll(/event: content_block_delta\n.*\n\n/g, ''),
        ),
        { reply: { calls: [{ name: 'x', args: {} }] } },
      ),
    );

    assert.equal(error.code, 'MODEL_REPLY_INVALID');
  });
});

const nameOf = (part: Part) => (part.kind === 'call' ? part.name : part.kind);

/** Waits until more can be written, or nothing can any more. */
async function drained({ socket }: Wire): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
