import assert from 'node:assert/strict';
import { Lane } from '../../worker/lane.ts';
import { openThreads } from '../../worker/threads.ts';
import { heldLease, labSetup, openLabPool, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

describe('a thread that will not die', function () {
  this.timeout(30_000);

  it('is counted until what it runs returns, while the pool is whole without it', async () => {
    verifies('R3.health', 'R13.non-blocking');
    const { pool, jobs } = await openLabPool(2);
    try {
      const sent = ['native', 'native'].map((what) => jobs.send('fault', { what }));
      assert.equal(new Set(sent.map(({ worker }) => worker)).size, 2);
      await Promise.all(sent.map(({ ended }) => ended));
      assert.equal(pool.health.zombies, 2);

      await until(() => pool.health.ready === 2, 'both lanes are replaced');
      assert.equal(pool.health.zombies, 2);
      const again = await Promise.all(
        [1, 2].map(() => jobs.send('waiter', { ms: 50 })).map(({ ended }) => ended),
      );
      assert.deepEqual([...new Set(again.map(({ kind }) => kind))], ['succeeded']);

      await until(() => pool.health.zombies === 0, 'the native calls have returned');
      assert.deepEqual(pool.health, { lanes: 2, ready: 2, zombies: 0 });
    } finally {
      await pool.stop();
    }
  });

  it('does not keep the pool from stopping', async () => {
    verifies('R3.cleanup');
    const { pool, jobs } = await openLabPool(1);
    jobs.send('fault', { what: 'native' });
    const startedAt = performance.now();

    await pool.stop();

    assert.ok(performance.now() - startedAt < 3_000);
  });

  it('leaves no lane waiting: after some were given up, later ones start', async () => {
    verifies('R3.pool');
    const threads = openThreads(1);
    const ready: string[] = [];
    const ended: string[] = [];
    const open = (name: string): Lane =>
      new Lane(name, threads, {
        setup: labSetup,
        lease: heldLease().shared,
        now: performance.now(),
        events: {
          ready: (lane) => ready.push(lane.name),
          messages: () => {},
          lost: () => {},
          ended: (lane) => ended.push(lane.name),
        },
      });
    try {
      const [first, second] = ['first', 'second', 'third', 'fourth'].map(open);
      await until(() => ready.includes('first'), 'the first lane is ready');
      second?.abort('given up while it waits for a thread');
      first?.abort('given up while it runs');

      await until(() => ready.includes('third'), 'a later lane is ready');
      assert.deepEqual(ready, ['first', 'third']);
      await until(() => ended.length === 2, 'both ends are told');
      assert.deepEqual(ended.toSorted(), ['first', 'second']);
    } finally {
      await threads.destroy();
    }
  });
});
