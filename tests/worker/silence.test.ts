import assert from 'node:assert/strict';
import { availableParallelism, constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Silence, threadStat } from '../../worker/pool/silence.ts';
import { until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

const lookEveryMs = 50;
const isLinux = process.platform === 'linux';

/** What a thread does from the moment that it has said its number. */
const doings = {
  loop: 'for (;;);',
  block: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
} as const;

/** A thread that says its number once and is never heard of again. */
async function start(doing: keyof typeof doings): Promise<{ readonly id: number; end(): void }> {
  const silence = new URL('../../worker/pool/silence.ts', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(silence)}).then(({ ownThread }) => {
       require('node:worker_threads').parentPort.postMessage(ownThread());
       setImmediate(() => { ${doings[doing]} });
     })`,
    { eval: true },
  );
  const id = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { id, end: () => void worker.terminate() };
}

/** Looks at a silent thread for so many ms; returns how much of it was its own. */
async function ownPart(id: number, forMs: number): Promise<number> {
  const silence = new Silence();
  const from = performance.now();
  let ownMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  await until(() => {
    const now = performance.now();
    if (now - lastMs >= lookEveryMs) {
      ownMs = silence.look(1, now, threadStat(id));
      lastMs = now;
    }
    return now - from >= forMs;
  }, 'the time is over');
  return ownMs / (performance.now() - from);
}

/** Whether a thread, from one look to the next, spends nothing and waits for no core. */
function hasBlocked(id: number): boolean {
  const silence = new Silence();
  silence.look(1, 0, threadStat(id));
  silence.look(1, 100, threadStat(id));
  return silence.look(1, 200, threadStat(id)) === 200;
}

describe('the silence of a thread', function () {
  this.timeout(60_000);

  it('is its own while it blocks', async () => {
    verifies('R8.isolation', 'R3.health');
    const { id, end } = await start('block');
    try {
      await until(() => hasBlocked(id), 'it blocks');
      const silence = new Silence();
      let now = 0;
      silence.look(1, now, threadStat(id));
      for (let looks = 0; looks < 20; looks += 1) {
        now += 100;
        silence.look(1, now, threadStat(id));
      }
      assert.equal(silence.look(1, now, threadStat(id)), 2_000);
      assert.equal(silence.look(2, now, threadStat(id)), 0, 'until it gives a sign of life');
    } finally {
      end();
    }
  });

  it('is its own while it has a core, and not while others have them all', async function () {
    verifies('R8.isolation', 'R3.health');
    // The time of a thread that waits for a core is told on Linux only, and there a thread has a priority of its own.
    if (!isLinux) return this.skip();
    const starved = await start('loop');
    setPriority(starved.id, constants.priority.PRIORITY_LOW);
    const greedy = await Promise.all(
      Array.from({ length: availableParallelism() * 2 }, () => start('loop')),
    );
    try {
      assert.ok((await ownPart(starved.id, 1_000)) < 0.4, 'who waits is not silent');
    } finally {
      for (const { end } of [starved, ...greedy]) end();
    }
  });

  it('does not grow by what we come late to look', async () => {
    const { id, end } = await start('block');
    try {
      const silence = new Silence();
      silence.look(1, 0, threadStat(id));
      assert.ok(silence.look(1, 60_000, threadStat(id)) < 1_000);
    } finally {
      end();
    }
  });

  it('is all of the time where the system does not tell', () => {
    const silence = new Silence();
    silence.look(1, 0, threadStat(0));
    for (let now = 100; now < 1_600; now += 100) silence.look(1, now, threadStat(0));
    assert.equal(silence.look(1, 1_600, threadStat(0)), 1_600);
  });
});
