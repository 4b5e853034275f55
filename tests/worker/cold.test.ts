import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import type { ModelTarget } from '../../core/ports/models/model.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { type LaneTask, slots } from '../../worker/pool/lane.ts';
import { Pool } from '../../worker/pool/pool.ts';
import { openThreads } from '../../worker/pool/threads.ts';
import heavy from '../support/fixtures/heavy.config.ts';
import { heldLease, Jobs, labSetup, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

function profilesOf(...providers: readonly ModelTarget['provider'][]) {
  const targets = providers.map((provider) => ({ provider, model: 'any' }));
  const chain = { targets, choose: 'order' };
  return { fast: chain, standard: chain, deep: chain };
}

const keys = { OPENAI_API_KEY: 'any', ANTHROPIC_API_KEY: 'any' };

/** The SDKs that a thread has loaded when it is ready. */
async function sdksFor(
  profiles: unknown,
  own: Readonly<Record<string, string>> = keys,
): Promise<unknown> {
  const script = new URL('../support/fixtures/loaded-sdks.ts', import.meta.url);
  const { OPENAI_API_KEY: _, ANTHROPIC_API_KEY: __, ...others } = process.env;
  const env = { ...others, ...own };
  const worker = new Worker(script, { workerData: { ...labSetup, profiles }, env });
  const [sdks] = await once(worker, 'message');
  await worker.terminate();
  return sdks;
}

/** How much of what a thread works until it is ready it has worked when it tells its number. */
async function untoldPart(): Promise<number> {
  const threads = openThreads(1);
  const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * Object.keys(slots).length);
  const memory = new Int32Array(shared);
  const { port1, port2 } = new MessageChannel();
  const task: LaneTask = { port: port2, shared, lease: heldLease().shared, setup: labSetup };
  const ended = threads.run(task, { transferList: [port2] }).catch(() => {});
  const ready = once(port1, 'message');
  const worked = (): number => {
    const stat = `/proc/self/task/${Atomics.load(memory, slots.thread)}/schedstat`;
    return Number(readFileSync(stat, 'utf8').split(' ')[0]);
  };
  try {
    await until(() => Atomics.load(memory, slots.thread) > 0, 'it tells its number');
    const untold = worked();
    await ready;
    return untold / worked();
  } finally {
    port1.close();
    await ended;
    await threads.destroy();
  }
}

describe('a cold thread', () => {
  it('has the SDKs of its models before it is ready, and no others', async () => {
    const both = ['openai', '@anthropic-ai/sdk'];

    assert.deepEqual(await sdksFor(null), []);
    assert.deepEqual(await sdksFor(profilesOf('scripted')), []);
    assert.deepEqual(await sdksFor(profilesOf('openai-chat')), ['openai']);
    assert.deepEqual(await sdksFor(profilesOf('anthropic', 'openai')), both);
  });

  it('has no SDK that there is no key for: those models are only simulated', async () => {
    const { ANTHROPIC_API_KEY } = keys;

    assert.deepEqual(await sdksFor(profilesOf('anthropic', 'openai'), {}), []);
    assert.deepEqual(await sdksFor(profilesOf('anthropic', 'openai'), { ANTHROPIC_API_KEY }), [
      '@anthropic-ai/sdk',
    ]);
  });

  it('tells which it is before it loads what agents need: its engine sees from then on what it waits for a core', async function () {
    verifies('R8.isolation', 'R3.health');
    // Threads have numbers of their own on Linux only.
    if (process.platform !== 'linux') return this.skip();
    const parts: number[] = [];
    // Who comes late to look sees more.
    while (parts.length < 10 && !parts.some((part) => part < 0.5)) parts.push(await untoldPart());

    assert.ok(Math.min(...parts) < 0.5, `it has worked ${parts} of all by then`);
  });

  it('is never begun by a pool that stops: nobody takes the place of the threads that end', async () => {
    const pool = new Pool({ setup: labSetup, threads: 2 });
    const jobs: Jobs = new Jobs(() => pool);
    await pool.start(jobs, heldLease());
    let begun = 0;
    const count = (): void => {
      begun += 1;
    };
    process.on('worker', count);
    await pool.stop();
    process.off('worker', count);

    assert.equal(begun, 0);
  });

  it('goes on beating while it makes more calls at once than it can begin within the patience of the watchdog', async () => {
    verifies('R13.non-blocking');
    const setup = {
      ...labSetup,
      configUrl: new URL('../support/fixtures/heavy.config.ts', import.meta.url).href,
      digest: loadRegistry(heavy, sharedEntities).digest,
      profiles: profilesOf('heavy'),
    };
    const pool = new Pool({ setup, threads: 1 });
    const jobs: Jobs = new Jobs(() => pool);
    try {
      await pool.start(jobs, heldLease());
      await until(() => pool.health.ready === 1, 'the lane is ready');
      const sent = Array.from({ length: 150 }, () => jobs.send('asker', {}, { mode: 'model' }));

      const ends = await Promise.all(sent.map(({ ended }) => ended));

      assert.deepEqual([...new Set(ends.map(({ kind }) => kind))], ['succeeded']);
    } finally {
      await pool.stop();
    }
  });
});
