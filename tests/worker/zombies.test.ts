import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lane } from '../../worker/pool/lane.ts';
import { openThreads } from '../../worker/pool/threads.ts';
import { heldLease, labSetup, openLabPool, until } from '../support/lab-pool.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

describe('a thread that will not die', () => {
  let folder: ReturnType<typeof scratchFolder>;
  let gate: string;

  beforeEach(() => {
    folder = scratchFolder({});
    gate = join(folder.path, 'gate');
    process.env.LAB_GATE = gate;
  });
  afterEach(() => {
    delete process.env.LAB_GATE;
    folder[Symbol.dispose]();
  });

  it('is counted until what it runs returns, while the pool is whole without it', async () => {
    verifies('R3.health', 'R13.non-blocking');
    const { pool, jobs } = await openLabPool(2);
    try {
      const sent = ['gated', 'gated'].map((what) => jobs.send('fault', { what }));
      assert.equal(new Set(sent.map(({ worker }) => worker)).size, 2);
      await Promise.all(sent.map(({ ended }) => ended));
      assert.equal(pool.health.zombies, 2);

      await until(() => pool.health.ready === 2, 'both lanes are replaced');
      assert.equal(pool.health.zombies, 2);
      const again = await Promise.all(
        [1, 2].map(() => jobs.send('waiter', { ms: 50 })).map(({ ended }) => ended),
      );
      assert.deepEqual([...new Set(again.map(({ kind }) => kind))], ['succeeded']);

      writeFileSync(gate, '');
      await until(() => pool.health.zombies === 0, 'the native calls have returned');
      const { lanes, ready, zombies, restarts } = pool.health;
      assert.deepEqual([lanes, ready, zombies, restarts], [2, 2, 0, 2]);
    } finally {
      writeFileSync(gate, '');
      await pool.stop();
    }
  });

  it('does not keep the pool from stopping', async () => {
    verifies('R3.cleanup');
    const { pool, jobs } = await openLabPool(1);
    jobs.send('fault', { what: 'gated' });
    try {
      await until(() => existsSync(`${gate}.begun`), 'the native call has begun');

      // It would last as long as the call, which lasts until this has returned.
      await pool.stop();
    } finally {
      writeFileSync(gate, '');
      await until(() => !existsSync(`${gate}.begun`), 'the native call has returned');
    }
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
