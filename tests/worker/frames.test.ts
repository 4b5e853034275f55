import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { FrameReader, frameOf, longestMessage } from '../../worker/pool/frames.ts';
import { verifies } from '../support/verifies.ts';

const code = 'MACHINE_MESSAGE';

describe('messages between an engine and a machine', () => {
  it('arrive as they were sent, however their bytes are cut', () => {
    verifies('R13.remote');
    const message = fc.oneof(
      fc.jsonValue(),
      fc.bigInt(),
      fc.constantFrom(undefined, Number.POSITIVE_INFINITY, new Map([[1, new Date(0)]])),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ bytes })),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.infiniteStream(fc.nat(9)),
        (sent, cuts) => {
          const bytes = Buffer.concat(sent.map(frameOf));
          const reader = new FrameReader(longestMessage);
          const heard: unknown[] = [];
          for (let at = 0; at < bytes.length; ) {
            const next = at + 1 + (cuts.next().value ?? 0);
            heard.push(...reader.read(bytes.subarray(at, next)));
            at = next;
          }
          assert.deepEqual(heard, sent);
        },
      ),
    );
  });

  it('are refused by their length before they are there, and not sent at all', () => {
    verifies('R13.remote');
    const reader = new FrameReader(1_000);
    const frame = frameOf('x'.repeat(2_000));

    assert.throws(() => reader.read(frame.subarray(0, 4)), { code });
    assert.throws(() => frameOf('x'.repeat(longestMessage)), { code });
    assert.throws(() => new FrameReader(1_000).read(Buffer.alloc(4)), { code });
    assert.throws(() => frameOf(() => 'code'), { code });
  });

  it('that are none end the reading and nothing else', () => {
    verifies('R13.remote');
    for (let time = 0; time < 500; time += 1) {
      const body = randomBytes(1 + (time % 90));
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      try {
        new FrameReader(1_000).read(Buffer.concat([head, body]));
      } catch (error) {
        assert.equal((error as { readonly code?: string }).code, code);
      }
    }
  });
});
