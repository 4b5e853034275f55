import assert from 'node:assert/strict';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import { mostTogether } from '../../worker/pool/delivery.ts';
import { Outgoing } from '../../worker/thread/outgoing.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import { verifies } from '../support/verifies.ts';
import { tick } from './rehearse.ts';

/** What goes out, by batches: kinds and the jobs that they are of. */
function anOutgoing() {
  const clock = new FakeClock();
  const batches: string[][] = [];
  const send = (batch: readonly FromThread[]): void => {
    batches.push(batch.map(({ kind, ref }) => `${kind} ${ref}`));
  };
  const { post } = new Outgoing({ clock, send, unsent: () => {} });
  return { clock, batches, post };
}

const said = { kind: 'delta', text: 'so' } as const;

describe('what a thread tells its engine', () => {
  it('goes in one message a tick, in its order', async () => {
    const { batches, post } = anOutgoing();

    for (const ref of [1, 2]) post({ ...said, ref });
    assert.deepEqual(batches, []);
    await tick();
    post({ ...said, ref: 3 });
    await tick();

    assert.deepEqual(batches, [['delta 1', 'delta 2'], ['delta 3']]);
  });

  it('goes in several messages where a tick says much, the first before all is said', async () => {
    const { batches, post } = anOutgoing();

    for (let ref = 1; ref <= 2 * mostTogether + 3; ref += 1) {
      post({ ...said, ref });
      assert.equal(batches.length, Math.floor(ref / mostTogether));
    }
    await tick();

    assert.deepEqual(
      batches.map(({ length }) => length),
      [mostTogether, mostTogether, 3],
    );
    assert.deepEqual(batches.flat().at(-1), `delta ${2 * mostTogether + 3}`);
  });

  it('is told of calls that leave soon after each other at once, and of one that leaves alone although nothing else is said', async () => {
    verifies('R6.sliding-window');
    const { clock, batches, post } = anOutgoing();

    for (const ref of [1, 2]) {
      post({ kind: 'sent', ref });
      await tick();
      clock.pass(4);
    }
    assert.deepEqual(batches, []);
    clock.pass(2);
    assert.deepEqual(batches, [['sent 1', 'sent 2']]);
    post({ kind: 'sent', ref: 3 });
    clock.pass(10);

    assert.deepEqual(batches, [['sent 1', 'sent 2'], ['sent 3']]);
  });

  it('has calls leave before anything else that is said after them, and once', async () => {
    const { clock, batches, post } = anOutgoing();

    post({ kind: 'sent', ref: 1 });
    post({ ...said, ref: 2 });
    await tick();
    clock.pass(10);

    assert.deepEqual(batches, [['sent 1', 'delta 2']]);
  });
});
