import assert from 'node:assert/strict';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { verifies } from '../../support/verifies.ts';
import { canary, ended, fileWorld, text } from './world.ts';

const swaps = 10_000;
const rounds = 300;

describe('a folder that is swapped for a link', () => {
  it('leads no read, write or list out of the tenant folder in 10,000 swaps', async function () {
    verifies('R12.paths');
    if (process.platform !== 'linux') this.skip();
    using world = fileWorld('held', { quotaBytes: 50_000_000 });
    const swapper = await swapIn(world.path);
    const seen = new Map<string, number>();
    const note = (what: string): unknown => seen.set(what, (seen.get(what) ?? 0) + 1);

    for (let round = 0; round < rounds || swapper.count() < swaps; round += 1) {
      await Promise.all([
        ended(world.files.read('reports/june.txt')).then((got) => note(said('read', got))),
        ended(world.files.read('note.txt')).then((got) => note(said('read', got))),
        ended(world.files.write(`reports/new-${round % 5}.txt`, 'mine')).then((got) =>
          note(typeof got === 'string' ? `write ${got}` : 'write done'),
        ),
        ended(world.files.write('reports/deep/new.txt', 'mine')).then((got) =>
          note(typeof got === 'string' ? `write ${got}` : 'write done'),
        ),
        ended(world.files.list('reports')).then((got) => {
          if (typeof got === 'string') return note(`list ${got}`);
          assert.ok(!got.some(({ name }) => name.includes('canary')), JSON.stringify(got));
          return note('list done');
        }),
      ]);
    }
    await swapper.stop();

    world.assertUntouched();
    // The race was one: each call met the folder as well as the link.
    for (const what of ['read inside', 'read FILE_REFUSED', 'write done', 'list done'])
      assert.ok((seen.get(what) ?? 0) > 0, `${what} in ${JSON.stringify([...seen])}`);
  });

  it('leads out who looks first and opens then, so the oracle can tell', async () => {
    using world = fileWorld('held');
    const swapper = await swapIn(world.path);
    let escapes = 0;

    // The gap is as long as a swap: where threads take turns on one core, a shorter one is over before the swapper has its turn.
    while (escapes === 0 && swapper.count() < 20 * swaps) {
      const path = join(world.own, 'reports/june.txt');
      const looked = swapper.count();
      const real = await realpath(path).catch(() => null);
      if (real === null || relative(world.own, real).startsWith('..')) continue;
      while (swapper.count() === looked) await setImmediate();
      const got = await readFile(path, 'utf8').catch(() => null);
      if (got === canary) escapes += 1;
      await writeFile(join(world.own, 'reports/new.txt'), 'mine').catch(() => {});
    }
    await swapper.stop();

    assert.ok(escapes > 0, 'a reader with a gap was never caught: the race is none');
  });
});

function said(what: string, got: Uint8Array | string): string {
  if (typeof got === 'string') return `${what} ${got}`;
  assert.equal(text(got), 'inside');
  return `${what} inside`;
}

/** A thread that puts links to the outside in the place of a folder and of a file, and back, until it is stopped. */
async function swapIn(path: string) {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(swapping, { eval: true, workerData: { path, shared } });
  let isOver = false;
  worker.once('exit', () => {
    isOver = true;
  });
  await new Promise((resolve) => worker.once('message', resolve));
  return {
    count() {
      assert.ok(!isOver, 'the swapping thread has ended by itself');
      return Atomics.load(shared, 0);
    },
    async stop() {
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      Atomics.store(shared, 1, 1);
      if (!isOver) await exit;
    },
  };
}

const swapping = `
const { renameSync, symlinkSync, writeFileSync, rmSync } = require('node:fs');
const { parentPort, workerData: { path, shared } } = require('node:worker_threads');
const own = path + '/files/1/', spare = own + 'spare', reports = own + 'reports', note = own + 'note.txt';
// A writer may have made the folder anew in between.
const put = (from, to) => {
  for (;;) try { return renameSync(from, to); } catch { clear(to); }
};
const clear = (path) => {
  try { rmSync(path, { recursive: true, force: true }); } catch {}
};
parentPort.postMessage('on');
while (Atomics.load(shared, 1) === 0) {
  put(reports, spare);
  symlinkSync(path + '/outside/reports', own + 'link');
  put(own + 'link', reports);
  symlinkSync(path + '/outside/note.txt', own + 'link');
  put(own + 'link', note);
  put(spare, reports);
  writeFileSync(own + 'fresh', 'inside');
  put(own + 'fresh', note);
  Atomics.add(shared, 0, 2);
}
`;
