import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Store } from '../../core/engine/store/store.ts';
import { briefFlags } from '../support/brief-flags.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';

const program = fileURLToPath(new URL('../support/fixtures/schedule-lab.ts', import.meta.url));
const second = 1_000;

describe('a process that fires schedules and dies', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    tenantId = await new Store(fresh.database.pool('tutti_engine', 1)).tenant('ticking');
  });
  after(function () {
    return fresh.drop(this);
  });

  /** Ends when it dies at a crash point; without one after it has caught up. */
  async function fire(at = ''): Promise<void> {
    const args = [fresh.url, String(tenantId), ...(at === '' ? ['once'] : [])];
    const child = spawn(process.execPath, [...briefFlags, program, ...args], {
      env: { ...process.env, ...compileCacheEnv, CRASH_AT: at },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => {
      stderr += part;
    });
    const [code, signal] = await once(child, 'exit');
    assert.ok(at === '' ? code === 0 : signal === 'SIGKILL', `${at}: ${code} ${signal} ${stderr}`);
  }

  it('leaves no second without its run, and none with two, wherever it was killed', async () => {
    verifies('R2.schedule-once', 'R8.crash');
    for (const passes of [1, 2, 3]) {
      // Two at a time, so that one finds what the other leaves while it works on it.
      await Promise.all([fire(`after-slot:${passes}`), fire(`after-slot-run:${passes}`)]);
    }
    await fire();

    const pool = fresh.database.pool('tutti_engine', 1);
    const { rows } = await pool.query<{ at: Date; key: string; runs: number }>(
      `SELECT s.slot_at AS at, s.run_key AS key, count(r.id)::int AS runs FROM tutti.schedule_slot s
       LEFT JOIN tutti.run r ON r.tenant_id = s.tenant_id AND r.key = s.run_key AND r.id = s.run_id AND s.state = 'fired'
       GROUP BY 1, 2 ORDER BY 1`,
    );
    const total = await pool.query<{ runs: number }>('SELECT count(*)::int AS runs FROM tutti.run');
    // The last that died had fired two by itself; how many more depends on how long processes took to start.
    assert.ok(rows.length >= 3, `${rows.length} seconds`);
    const [first] = rows;
    for (const [index, { at, runs }] of rows.entries()) {
      assert.equal(at.getTime(), (first?.at.getTime() ?? 0) + index * second);
      assert.equal(runs, 1, at.toISOString());
    }
    assert.equal(total.rows[0]?.runs, rows.length);
  });
});
