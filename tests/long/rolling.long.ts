import assert from 'node:assert/strict';
import { Lease } from '../../core/engine/lease/lease.ts';
import { freshDatabase } from '../support/postgres.ts';
import { type Rolled, type Rolling, RollingLab } from '../support/rolling-lab.ts';
import { hasPlaces } from '../support/served-process.ts';
import { verifies } from '../support/verifies.ts';

/*
 * Two servers on one database, one of which is restarted every 20 s, alternately asked to end and killed, while runs are submitted
 * all the time. ROLLING_MINUTES says how long, each time; a minute is enough for three restarts.
 */
const minutes = Number(process.env.ROLLING_MINUTES ?? '10');
const everyMs = Number(process.env.ROLLING_EVERY_MS ?? '20000');
const baselineMs = Math.min(minutes, 1) * 60_000;
/** Longest that a run may be without an owner that lives. */
const mostOrphanedMs = 30_000;
const leastShare = 0.5;

const layouts: Readonly<Record<string, Rolling['places']>> = {
  'on one host': [{ kind: 'here' }, { kind: 'here' }],
  'on hosts with names of their own': [
    { kind: 'host', name: 'tutti-a' },
    { kind: 'host', name: 'tutti-b' },
  ],
  'in containers of one host name, with the same process numbers': [
    { kind: 'container', name: 'tutti' },
    { kind: 'container', name: 'tutti' },
  ],
};

describe('a rolling restart of two servers', function () {
  this.timeout(minutes * 60_000 + baselineMs + 900_000);

  let lab: RollingLab | null = null;

  afterEach(async function () {
    await lab?.close(this);
    lab = null;
  });

  for (const [where, places] of Object.entries(layouts)) {
    it(`${where} loses, doubles and keeps nothing waiting`, async function () {
      verifies('R8.crash', 'R9.restart', 'R9.take-over', 'R9.one-writer', 'R13.graceful');
      if (places[0].kind !== 'here' && !hasPlaces()) {
        process.stdout.write('skipped: only root on Linux gives processes other host names\n');
        return this.skip();
      }
      const lengthMs = minutes * 60_000;
      lab = await RollingLab.open({ places, baselineMs, everyMs, lengthMs });

      const rolled = await lab.roll();

      tell(where, rolled);
      assertHeld(rolled);
    });
  }

  it('an engine that takes the name of another is refused, and the other goes on', async function () {
    verifies('R9.one-writer');
    const fresh = await freshDatabase();
    try {
      const pool = fresh.database.pool('tutti_engine', 2);
      const first = new Lease(pool, 'test');
      await first.take();
      const second = Object.assign(new Lease(pool, 'test'), { boot: first.boot });

      await assert.rejects(second.take(), { code: '23505' });

      assert.equal(second.isHeld, false);
      await first.renew();
      assert.equal(first.isHeld, true);
    } finally {
      await fresh.drop(this);
    }
  });
});

function assertHeld({ watched, baselineRate, rollingRate, kills, takeovers }: Rolled): void {
  assert.deepEqual(watched.seized, [], 'runs that two owned at one epoch');
  assert.deepEqual(watched.foreign, [], 'runs that others than their owners wrote');
  assert.deepEqual(Object.keys(watched.unflushed), ['run.created']);
  const [longest = 0] = watched.orphanedMs;
  assert.ok(longest < mostOrphanedMs, `a run was nobody's for ${Math.round(longest)} ms`);
  const share = rollingRate / baselineRate;
  assert.ok(share >= leastShare, `throughput is ${share.toFixed(2)} of what it was`);
  assert.ok(kills > 0 && takeovers > 0, 'kills met runs');
}

function tell(where: string, { watched, ...rolled }: Rolled): void {
  const { orphanedMs, mostEpochs, unflushed } = watched;
  const p99 = orphanedMs[Math.floor(orphanedMs.length / 100)];
  console.log(where, { ...rolled, orphanedMs: orphanedMs.slice(0, 3), p99, mostEpochs, unflushed });
}
