import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicNs } from '../../core/base/lease-clock.ts';
import { type Ended, type LabPool, openLabPool } from '../support/lab-pool.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const secondNs = 1_000_000_000n;

for (const { where, alone } of [
  { where: 'a lane', alone: false },
  { where: 'the quarantine', alone: true },
]) {
  describe(`${where}, before its agent writes outside`, () => {
    const folder = scratchFolder({});
    const log = join(folder.path, 'log');
    let lab: LabPool;
    let fresh: FreshDatabase;

    before(async () => {
      process.env.LAB_LOG = log;
      fresh = await freshDatabase();
      lab = await openLabPool(1, fresh.database.connectionConfig);
    });
    after(async function () {
      await lab.pool.stop();
      await fresh.drop(this);
      delete process.env.LAB_LOG;
      folder[Symbol.dispose]();
    });

    const mark = (id: string, ms: number): Promise<Ended> =>
      lab.jobs.send('late_marker', { id, ms }, { alone }).ended;
    const marks = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');

    it('asks for the lease, and writes while it is held', async () => {
      const ended = await mark('held', 0);

      assert.equal(ended.kind, 'succeeded', JSON.stringify(ended));
      assert.match(marks(), / held\n$/);
    });

    it('writes when the lease was renewed meanwhile', async () => {
      lab.lease.untilNs = monotonicNs() + secondNs;
      const ended = mark('renewed', 2_200);
      lab.lease.untilNs = monotonicNs() + 60n * secondNs;

      assert.equal((await ended).kind, 'succeeded');
      assert.match(marks(), / renewed\n$/);
    });

    it('writes nothing when the lease has run out or was lost', async () => {
      verifies('R8.isolation');
      lab.lease.untilNs = monotonicNs() + secondNs / 5n;
      const late = await mark('late', 400);
      lab.lease.untilNs = 0n;
      const lost = await mark('lost', 0);

      for (const ended of [late, lost]) {
        assert.ok(ended.kind === 'failed', JSON.stringify(ended));
        assert.equal(ended.error.code, 'ENGINE_FENCED');
      }
      assert.doesNotMatch(marks(), /late|lost/);
    });
  });
}
