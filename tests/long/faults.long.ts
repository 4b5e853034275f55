import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { generateSample } from '../../core/ports/erp/sample.ts';
import config from '../../tutti.config.ts';
import { ChaosProxy } from '../support/chaos-proxy.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { markAll } from '../support/finding-mark.ts';
import { type OwnServer, ownServer } from '../support/own-server.ts';
import { assertPutApart } from '../support/poison.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

/*
 * Faults of the catalogue at their full size: 500 agents beside one that kills its process, a database that is away for a minute,
 * a file system that is really full.
 */

const samples = await Promise.all(
  config.modules.flatMap(({ sample }) => (sample ? [sample()] : [])),
);
const outageMs = Number(process.env.OUTAGE_MS ?? '60000');
/** Room for the database, its log and a night; the rest is taken away. */
const diskMb = 600;

describe('faults at their full size', function () {
  this.timeout(1_200_000);

  it('499 agents finish beside one that ends their process each time', async () => {
    verifies('R8.quarantine', 'R8.isolation');
    const lab = await CrashLab.open();
    try {
      await assertPutApart(lab, 499);
    } finally {
      await lab.close();
    }
  });

  it(`a night goes on after its database was away for ${outageMs / 1_000} s, and nothing has piled up`, async () => {
    verifies('R8.crash', 'R9.offline');
    await using server = await ownServer();
    await using proxy = await ChaosProxy.open(server.connection);
    const url = `postgresql://tutti@127.0.0.1:${proxy.connection.port}/tutti`;
    await assertNight(server, url, async ({ engine }) => {
      proxy.cut();
      const cutAt = performance.now();
      await eventually(() => engine.trouble?.code === 'DB_UNAVAILABLE');
      assert.ok(performance.now() - cutAt < 5_000, 'it is not ready within 5 s');
      const beforeMb = process.memoryUsage().rss / 2 ** 20;
      await wait(outageMs);
      const grownMb = process.memoryUsage().rss / 2 ** 20 - beforeMb;
      proxy.restore();
      const backAt = performance.now();
      await eventually(() => engine.trouble === null);
      assert.ok(performance.now() - backAt < 10_000, 'it is back within 10 s');
      assert.ok(grownMb < 150, `${Math.round(grownMb)} MB more while it waited`);
    });
  });

  it('a night goes on when a file system that was full has room again', async function () {
    verifies('R8.crash', 'R9.offline');
    using folder = scratchFolder({});
    if (!mount(folder.path)) {
      process.stdout.write('skipped: a small file system can be mounted by root on Linux alone\n');
      return this.skip();
    }
    try {
      await using server = await ownServer(folder.path);
      await assertNight(server, server.url, async ({ engine }) => {
        const ballast = join(folder.path, 'ballast');
        fill(folder.path, ballast);
        await eventually(() => engine.trouble !== null);
        const { code } = engine.trouble ?? {};
        rmSync(ballast);
        await eventually(() => engine.trouble === null);
        assert.match(String(code), /^DB_(FULL|UNAVAILABLE)$/);
      });
    } finally {
      execFileSync('umount', ['--lazy', folder.path]);
    }
  });
});

/** A night to which something happens finds exactly what is planted, fails no step, and its engine lives. */
async function assertNight(
  server: OwnServer,
  url: string,
  happen: (tutti: TestEngine) => Promise<void>,
): Promise<void> {
  const tutti = await openTestEngine(new URL('../../tutti.config.ts', import.meta.url), {
    fresh: { url, database: server.database, drop: async () => {} },
  });
  try {
    const { tenantId } = await tutti.host.sampleTenant(1);
    const { truth } = generateSample({ samples });
    const { id } = await tutti.engine.startRun(requestOf('nightly', { tenantId }));
    const ended = tutti.engine.whenEnded(id);
    await happen(tutti);
    assert.equal(await ended, 'succeeded');
    const { steps } = await tutti.history.summary(tenantId, id);
    assert.equal(steps.failed + steps.skipped, 0);
    assert.deepEqual(
      markAll(await tutti.history.findings(tenantId, { runId: id })),
      markAll(truth),
    );
    assert.equal(tutti.failure, null);
  } finally {
    await tutti.close();
  }
}

function mount(folder: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m,mode=755`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** Leaves nothing free. */
function fill(folder: string, ballast: string): void {
  const { bsize, bavail } = statfsSync(folder);
  const chunk = Buffer.alloc(1 << 20);
  try {
    for (let left = bsize * bavail; left > -chunk.length; left -= chunk.length)
      writeFileSync(ballast, chunk, { flag: 'a' });
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}
