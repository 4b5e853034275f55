import assert from 'node:assert/strict';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import type { RecalledCall } from '../../../core/engine/limits/broker.ts';
import { limitsOf } from '../../../core/engine/limits/gate-limits.ts';
import { Permits } from '../../../core/engine/limits/permits.ts';
import { recentCalls } from '../../../core/engine/limits/recent-calls.ts';
import { Shares } from '../../../core/engine/limits/shares.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

interface Turn {
  readonly agoMs: number;
  readonly state: 'reserved' | 'settled' | 'estimated' | 'released';
  readonly tokens?: { readonly input: number; readonly output: number };
  readonly simulated?: boolean;
}

const bound = { inputTokens: 900, outputTokens: 100 };

describe('calls of the last minute', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });
  beforeEach(() =>
    fresh.database.admin((client) =>
      client.query('TRUNCATE tutti.run, tutti.entry, tutti.ledger, tutti.engine CASCADE'),
    ),
  );
  after(function () {
    return fresh.drop(this);
  });

  /** A run with its turns; `endedAgoMs` null: it goes on. */
  async function aRun(turns: readonly Turn[], endedAgoMs: number | null = null): Promise<void> {
    const run = newId();
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       VALUES (1, $1, 'w', 1, '{}', 1, '2026-06-30', 'UTC', 'running', '{}', now() - $2 * interval '1 millisecond')`,
      [run, endedAgoMs],
    );
    for (const [seq, { agoMs, state, tokens = null, simulated = false }] of turns.entries()) {
      const data = { module: 'finance', bound };
      await pool.query(
        `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, at, data)
         VALUES (1, $1, $2, 1, 'turn.started', now() - $3 * interval '1 millisecond', $4)`,
        [run, seq, agoMs, data],
      );
      await pool.query(
        `INSERT INTO tutti.ledger (tenant_id, run_id, seq, step, model, price_v, state, reserved_micro_usd, tokens, simulated)
         VALUES (1, $1, $2, 1, 'large', 1, $3, 9, $4, $5)`,
        [run, seq, state, tokens, simulated],
      );
    }
  }

  it('are those of runs that go on or have just ended, with what they used or may have', async () => {
    const began = performance.now();
    await aRun([
      { agoMs: 5_000, state: 'reserved' },
      { agoMs: 10_000, state: 'settled', tokens: { input: 70, output: 8 } },
      { agoMs: 20_000, state: 'estimated' },
      { agoMs: 25_000, state: 'released' },
      { agoMs: 30_000, state: 'reserved', simulated: true },
      { agoMs: 90_000, state: 'reserved' },
    ]);
    await aRun([{ agoMs: 40_000, state: 'settled', tokens: { input: 1, output: 2 } }], 1_000);

    const calls = await recentCalls(pool);

    // They have grown older by what it took to store and to read them.
    const laterMs = performance.now() - began;
    const told = calls.toSorted((one, other) => one.agoMs - other.agoMs);
    assert.deepEqual(
      told.map(({ used }) => `${used.inputTokens}+${used.outputTokens}`),
      ['900+100', '70+8', '900+100', '0+0', '1+2'],
    );
    for (const [index, agoMs] of [5_000, 10_000, 20_000, 25_000, 40_000].entries()) {
      const olderMs = (told[index]?.agoMs ?? 0) - agoMs;
      assert.ok(olderMs >= 0 && olderMs <= laterMs + 1, `${olderMs} of ${laterMs} ms`);
    }
    const { model, tenantId, module } = calls[0] as RecalledCall;
    assert.deepEqual(
      { model, tenantId, module },
      { model: 'large', tenantId: 1, module: 'finance' },
    );
  });

  it('are counted by an engine that starts where no other is, and by none that starts beside one', async () => {
    verifies('R6.sliding-window');
    await aRun([{ agoMs: 5_000, state: 'reserved' }]);
    const recalled: RecalledCall[] = [];
    const start = async (): Promise<Shares> => {
      const boot = newId();
      await pool.query(
        `INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, lease_until)
         VALUES ($1, 'here', 1, now(), 'test', '[1,2]', now() + interval '15 s')`,
        [boot],
      );
      const permits = new Permits({ limitsOf: limitsOf({}) });
      const recall = (calls: readonly RecalledCall[]) => recalled.push(...calls);
      const shares = new Shares({ pool, boot, permits, clock: new FakeClock(), recall });
      await shares.balance();
      return shares;
    };
    const dead = await start();
    await pool.query(`UPDATE tutti.engine SET state = 'gone'`);
    recalled.length = 0;

    const states = [dead, await start(), await start()].map(({ state }) => state);

    assert.deepEqual(states, ['alone', 'alone', 'sharing']);
    assert.equal(recalled.length, 1);
  });
});
