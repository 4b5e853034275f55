import assert from 'node:assert/strict';
import { type Host, openHost } from '../../../bin/host.ts';
import type { Plan } from '../../../core/engine/plan/plan.ts';
import { outline } from '../../../core/service/batch/plan-outline.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/batched.config.ts', import.meta.url).href;
const gatherMs = 30_000;
const halfHourMs = 1_800_000;

describe('a plan of work that may go by batches', () => {
  let fresh: FreshDatabase;
  let host: Host;
  let off: Host;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    const like = { databaseUrl: fresh.url, dataFolder: '/nonexistent', env: {} };
    host = await openHost({ configUrl: config, ...like });
    off = await openHost({ configUrl: `${config}?off`, ...like });
    tenantId = await host.store.tenant('ours');
  });
  after(async function () {
    await off.close();
    await host.close();
    await fresh.drop(this);
  });

  function plan(of: Host, workflow: string, count: number): Promise<Plan> {
    const ids = Array.from({ length: count }, (_, index) => `letter-${index}`);
    const day = { businessDate: '2026-06-30', timeZone: 'Europe/Berlin' };
    const request = { tenantId, workflow, input: { ids }, ...day };
    return of.planner.plan(request, new AbortController().signal);
  }

  function assertTakes({ makespanMs }: Plan, ms: number): void {
    assert.ok(makespanMs >= ms && makespanMs < ms + 60_000, `${makespanMs} instead of ${ms}`);
  }

  it('has their price, their number and their time', async () => {
    verifies('R7.plan', 'R7.cost');
    const direct = await plan(off, 'post.sort', 4);
    const batched = await plan(host, 'post.sort', 4);

    assert.deepEqual([direct.calls, direct.batches], [4, {}]);
    assertTakes(direct, 0);
    assert.equal(batched.calls, 4);
    assert.deepEqual(batched.tokens, direct.tokens);
    const { 'test-model': of } = batched.batches;
    assert.deepEqual(of, {
      calls: 4,
      costMicroUsd: batched.costMicroUsd.expected,
      expectedMs: halfHourMs,
    });
    const half = direct.costMicroUsd.expected / 2;
    // Each call is rounded up by itself.
    assert.ok(Math.abs(batched.costMicroUsd.expected - half) <= 4);
    // The most that it can cost is a batch that is late and direct calls in its place.
    assert.ok(batched.costMicroUsd.worst > direct.costMicroUsd.worst);
    assertTakes(batched, gatherMs + halfHourMs);
    assert.deepEqual(batched.bottleneck, { kind: 'work', name: '', share: 0 });
    const lines = outline(batched).flatMap((part) => part.lines);
    assert.ok(
      lines.some((line) => /4 calls of test-model by batches.*about 30 min/.test(line)),
      lines.join('\n'),
    );
  });

  it('sends as many rounds by batches as the agent declares, one after the other', async () => {
    const batched = await plan(host, 'post.read', 3);

    assert.equal(batched.calls, 9);
    assert.equal(batched.batches['test-model']?.calls, 6);
    assertTakes(batched, 2 * (gatherMs + halfHourMs));
  });

  it('has direct calls where too few go together, or the deadline is near', async () => {
    for (const direct of [await plan(host, 'post.sort', 2), await plan(host, 'post.soon', 4)]) {
      assert.deepEqual(direct.batches, {});
      assertTakes(direct, 0);
    }
  });

  it('expects what batches of the model took, and what steps cost by them', async () => {
    const rows = new LedgerRows(fresh.database);
    const run = await rows.run(tenantId, 'post.sort', { endedAt: new Date() });
    const pool = fresh.database.pool('tutti_engine', 1);
    for (const [seq, durationMs] of [600_000, 900_000, 700_000].entries())
      await pool.query(
        `INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) VALUES ($1, $2, $3, 'batch.ended', $4)`,
        [tenantId, run, 100 + seq, { state: 'ended', model: 'test-model', durationMs }],
      );
    const call = { tenantId, run, model: 'test-model', state: 'settled', bound: 1 } as const;
    const plain = { tokens: null, simulated: false, at: null, data: {} } as const;
    for (const id of [1, 2, 3, 4, 5, 6]) {
      await rows.step(tenantId, run, { id, agent: 'post.sorter' });
      const batch = id > 3;
      await rows.call({ ...call, ...plain, seq: id, step: id, batch, cost: batch ? 500 : 7_000 });
    }

    const batched = await plan(host, 'post.sort', 4);
    const direct = await plan(off, 'post.sort', 4);

    assert.equal(batched.batches['test-model']?.expectedMs, 700_000);
    assertTakes(batched, gatherMs + 700_000);
    assert.deepEqual(
      [batched.costMicroUsd.expected, direct.costMicroUsd.expected],
      [4 * 500, 4 * 7_000],
    );
  });
});
