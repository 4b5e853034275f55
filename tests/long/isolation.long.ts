import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { openLabPool } from '../support/lab-pool.ts';
import { OwnDelay } from '../support/own-delay.ts';
import { verifies } from '../support/verifies.ts';

/** For each core, programs that take all they can get. */
const greedyPerCore = 2;
/** Longer than any thread may be silent of its own doing. */
const starvedMs = 2_000;
const longestDelayMs = 50;

describe('lanes of a machine with far too much to do', function () {
  this.timeout(600_000);
  const greedy: ReturnType<typeof spawn>[] = [];

  before(function () {
    // Elsewhere nobody tells for how long a thread waits for a core.
    if (process.platform !== 'linux') return this.skip();
    for (let count = availableParallelism() * greedyPerCore; count > 0; count -= 1)
      greedy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  });
  after(() => {
    for (const each of greedy) each.kill('SIGKILL');
  });

  it('keep a thread that hardly ever gets a core, and what runs on it', async () => {
    verifies('R8.isolation', 'R3.health');
    const { pool, jobs } = await openLabPool(1);
    try {
      const from = performance.now();
      const beside = jobs.send('waiter', { ms: 10 });
      const ended = await jobs.send('fault', { what: 'starved' }).ended;
      const tookMs = performance.now() - from;

      assert.equal(ended.kind, 'succeeded', JSON.stringify(ended));
      assert.equal((await beside.ended).kind, 'succeeded');
      assert.ok(tookMs > starvedMs, `it had a core after all: ${Math.round(tookMs)} ms`);
    } finally {
      await pool.stop();
    }
  });

  it('give up who never yields, blocks or hoards there, too, and keep the main loop free', async () => {
    verifies('R8.isolation', 'R13.non-blocking');
    const { pool, jobs } = await openLabPool(1);
    const delay = new OwnDelay();
    try {
      for (const [what, reason] of [
        ['loop', /did not yield/],
        ['native', /did not yield/],
        // Collecting its garbage, it waits for helpers that wait for a core.
        ['hoard', /its heap held|did not yield/],
        ['buffers', /MB of buffers/],
      ] as const) {
        const ended = await jobs.send('fault', { what }).ended;
        assert.ok(ended.kind === 'lost' && ended.suspect, JSON.stringify(ended));
        assert.match(ended.reason, reason);
      }
      const { p99Ms } = delay.end();
      assert.ok(p99Ms <= longestDelayMs, `99 of 100 delays are at most ${p99Ms} ms`);
    } finally {
      await pool.stop();
    }
  });
});
