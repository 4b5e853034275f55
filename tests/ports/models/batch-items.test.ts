import assert from 'node:assert/strict';
import fc from 'fast-check';
import { systemClock } from '../../../core/base/clock.ts';
import type { BatchItem } from '../../../core/ports/models/batch/batch.ts';
import { readWireId, toWireId } from '../../../core/ports/models/batch/batch-items.ts';
import { readLines } from '../../../core/ports/models/batch/batch-lines.ts';
import { aRequest, failureOf } from './adapter.ts';
import { items, soon, useBatches } from './batch-provider.ts';

const letters = 'abcXYZ019-';
const chars = (from: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...from), minLength: 1, maxLength });

describe('ids of a batch', () => {
  it('come back from the wire as they went, within what both providers take', () => {
    fc.assert(
      fc.property(chars(letters, 27), chars(`${letters}_`, 36), (mark, id) => {
        const wireId = toWireId(mark, id);
        assert.match(wireId, /^[a-zA-Z0-9_-]{1,64}$/);
        assert.deepEqual(readWireId(wireId), { mark, id });
      }),
    );
  });

  it('of strangers are not ours', () => {
    for (const id of ['', 'request-1', '_a', 'mark_', 'a b_c', `m_${'x'.repeat(37)}`]) {
      assert.equal(readWireId(id), undefined, id);
    }
  });
});

describe('a batch that cannot be submitted', () => {
  const { open, server } = useBatches('openai');

  it('is refused before anything is sent', async () => {
    const batches = await open();
    const twoModels: BatchItem[] = [
      { id: 'a', request: aRequest() },
      { id: 'b', request: aRequest({ model: 'other-model' }) },
    ];
    const cases: [readonly BatchItem[], string, RegExp][] = [
      [[], 'm', /no request/],
      [items('a', 'a'), 'm', /same id/],
      [items('a b'), 'm', /'a b' is no id/],
      [items('x'.repeat(37)), 'm', /is no id/],
      [items('a'), 'run_1', /mark 'run_1'/],
      [items('a'), 'x'.repeat(28), /mark/],
      [twoModels, 'm', /2 models/],
    ];
    for (const [sent, mark, why] of cases) {
      const error = await failureOf(batches.submit(sent, { mark, signal: soon() }));
      assert.equal(error.code, 'INPUT_INVALID');
      assert.match(error.message, why);
    }
    assert.deepEqual(server().requests, []);
  });
});

describe('split', () => {
  for (const provider of ['openai', 'anthropic'] as const) {
    describe(`for ${provider}`, () => {
      const { open } = useBatches(provider);

      it('keeps every request, in its order, in batches of bearable size', async () => {
        const batches = await open();
        const text = 'x'.repeat(4 * 1024 * 1024);
        const sent = Array.from(
          { length: 20 },
          (_, index): BatchItem => ({
            id: `${index}`,
            request: aRequest({
              model: index % 2 ? 'one' : 'two',
              messages: [{ role: 'user', parts: [{ kind: 'text', text }] }],
            }),
          }),
        );

        const groups = batches.split(sent);

        const order = (from: readonly BatchItem[]) => from.map(({ id }) => Number(id));
        assert.deepEqual(
          order(groups.flat()).toSorted((a, b) => a - b),
          order(sent),
        );
        for (const group of groups) {
          assert.deepEqual(
            order(group),
            order(group).toSorted((a, b) => a - b),
          );
          assert.ok(group.length <= 7, `${group.length} requests of 4 MiB`);
          const models = new Set(group.map(({ request }) => request.model));
          if (batches.limits.isOneModel) assert.equal(models.size, 1);
        }
        assert.equal(groups.length, provider === 'openai' ? 4 : 3);
      });
    });
  }
});

describe('readLines', () => {
  const bounds = { signal: new AbortController().signal, clock: systemClock };
  const toBody = (chunks: readonly Uint8Array[]) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
  const collect = async (body: ReadableStream<Uint8Array>, more = {}) => {
    const lines: (string | undefined)[] = [];
    for await (const line of readLines(body, { ...bounds, ...more })) lines.push(line);
    return lines;
  };

  it('gives the same lines wherever the chunks are cut', async () => {
    const text = 'größer 👍\n\n{"a":1}\nlast';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(40), { maxLength: 6 }), async (cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));

        assert.deepEqual(await collect(toBody(chunks)), text.split('\n'));
      }),
    );
  });

  it('passes a line over that is too long, and keeps none of it', async () => {
    const chunks = ['ok\nfar ', 'too ', 'long\nok', '\n'].map((text) => Buffer.from(text));

    assert.deepEqual(await collect(toBody(chunks), { maxLineBytes: 8 }), ['ok', undefined, 'ok']);
    const huge = Buffer.alloc(8_000_001, 'x');
    const lines = await collect(toBody([huge, Buffer.from('\nok')]));
    assert.deepEqual(
      lines.map((line) => line?.length),
      [undefined, 2],
    );
  });

  it('stops at a body that has no end', async () => {
    const chunk = Buffer.alloc(1_000, 'x');
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += chunk.length;
        controller.enqueue(new Uint8Array(chunk));
      },
    });

    const error = await failureOf(collect(endless, { maxBytes: 100_000 }));

    assert.equal(error.code, 'MODEL_REPLY_INVALID');
    assert.ok(sent < 110_000, `${sent} bytes were read`);
  });

  it('gives up a silent body, and lets it go', async () => {
    let isCancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      cancel: () => {
        isCancelled = true;
      },
    });

    const error = await failureOf(collect(silent, { idleMs: 20 }));

    assert.equal(error.code, 'MODEL_UNAVAILABLE');
    assert.ok(isCancelled);
  });

  it('lets the body go when nobody reads on', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('a\nb\n')),
      cancel: () => {
        isCancelled = true;
      },
    });

    for await (const line of readLines(body, bounds)) {
      assert.equal(line, 'a');
      break;
    }

    assert.ok(isCancelled);
  });
});
