import assert from 'node:assert/strict';
import type { Piscina } from 'piscina';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import { mostTogether } from '../../worker/pool/delivery.ts';
import { Lane } from '../../worker/pool/lane.ts';
import { openThreads } from '../../worker/pool/threads.ts';
import { heldLease, jobOf, labSetup, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

const longestMs = 60_000;
const still = new Int32Array(new SharedArrayBuffer(4));

/** Keeps this thread busy until something holds that another thread says in shared memory. */
function busyUntil(holds: () => boolean, what: string): void {
  const from = performance.now();
  while (!holds()) {
    assert.ok(performance.now() - from < longestMs, what);
    Atomics.wait(still, 0, 0, 2);
  }
}

describe('Lane', () => {
  let threads: Piscina;
  let lane: Lane;
  let heard: (batch: readonly FromThread[]) => void;
  let lost: () => void;

  beforeEach(async () => {
    heard = lost = () => {};
    threads = openThreads(1);
    lane = new Lane('lane', threads, {
      setup: labSetup,
      lease: heldLease().shared,
      events: {
        ready: () => {},
        messages: (batch) => heard(batch),
        lost: () => lost(),
        ended: () => {},
      },
    });
    await until(() => lane.isReady, 'the lane is ready');
  });
  afterEach(async () => {
    lane.close();
    await threads.destroy();
  });

  const send = (ref: number, agent: string, input: unknown): void =>
    lane.send({ kind: 'go', job: jobOf(ref, { agent, input }) });

  it('begins with the first of many jobs while the main thread is busy with the others', () => {
    verifies('R3.pool');
    for (let ref = 1; ref <= mostTogether; ref += 1) send(ref, 'lab.quick', { id: `${ref}` });

    busyUntil(() => lane.current !== 0, 'a job has begun');
  });

  it('tells all that its thread has said before it tells that the thread is lost', async () => {
    verifies('R8.isolation');
    const jobs = 3 * mostTogether;
    const told: string[] = [];
    let isHeard = false;
    lost = () => told.push('lost');
    heard = (batch) => {
      if (!isHeard) {
        isHeard = true;
        // While the main thread is busy all jobs end, and what they say lies there unheard.
        const { beat } = lane;
        busyUntil(() => lane.beat > beat + 5, 'the thread beats');
        setImmediate(() => lane.abort('given up'));
      }
      told.push(...batch.map(({ kind }) => kind).filter((kind) => kind === 'done'));
    };
    for (let ref = 1; ref <= jobs; ref += 1) send(ref, 'lab.quick', { id: `${ref}` });
    await until(() => told.includes('lost'), 'the lane is lost');

    assert.deepEqual(told, [...Array.from({ length: jobs }, () => 'done'), 'lost']);
  });
});
