import assert from 'node:assert/strict';
import type pg from 'pg';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

interface Purse {
  readonly scope: string;
  readonly reserved: number;
  readonly settled: number;
}

describe('the money of model calls', () => {
  let lab: TestEngine;
  let pool: pg.Pool;

  before(async () => {
    lab = await openTestEngine(new URL('../support/fixtures/model.config.ts', import.meta.url));
    pool = lab.host.database.pool('tutti_engine', 2);
  });

  after(function () {
    return lab.close(this);
  });

  async function pursesOf(tenantId: number): Promise<readonly Purse[]> {
    const { rows } = await pool.query<Purse>(
      `SELECT scope, sum(reserved_micro_usd)::int AS reserved, sum(settled_micro_usd)::int AS settled
       FROM tutti.budget WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1`,
      [tenantId],
    );
    return rows;
  }

  async function ledgerOf(tenantId: number) {
    const { rows } = await pool.query<{ state: string; calls: number; cost: number }>(
      `SELECT state, count(*)::int AS calls, sum(cost_micro_usd)::int AS cost FROM tutti.ledger WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1`,
      [tenantId],
    );
    return rows;
  }

  it('is reserved before every call and settled after it, in each purse that pays', async () => {
    verifies('R7.reserve', 'R7.per-run', 'R4.structured-output');
    const tenantId = await lab.host.store.tenant('one');
    const items = Array.from({ length: 10 }, (_, index) => ({ id: `q${index}` }));

    const run = await lab.run('lab.ask', { tenantId, input: { items } });

    assert.equal(run.status, 'succeeded');
    const [ledger, ...rest] = await ledgerOf(tenantId);
    assert.deepEqual(rest, []);
    assert.deepEqual([ledger?.state, ledger?.calls], ['settled', 20]);
    const settled = ledger?.cost;
    assert.ok(settled !== undefined && settled > 0);
    assert.deepEqual(await pursesOf(tenantId), [
      { scope: 'module:lab', reserved: 0, settled },
      { scope: 'tenant', reserved: 0, settled },
      { scope: 'workflow:lab.ask', reserved: 0, settled },
    ]);
    const steps = await pool.query(
      'SELECT sum(cost_micro_usd)::int AS cost FROM tutti.step WHERE run_id = $1',
      [run.id],
    );
    assert.deepEqual(steps.rows, [{ cost: settled }]);
  });

  it('counts a call that failed on the way in full, and one that was turned away not at all', async () => {
    const tenantId = await lab.host.store.tenant('two');

    const run = await lab.run('lab.ask', {
      tenantId,
      input: { items: [{ id: 'bad' }, { id: 'refused once' }] },
    });

    assert.equal(run.status, 'partial');
    const [estimated, released, settled] = await ledgerOf(tenantId);
    const spent = Number(estimated?.cost) + Number(settled?.cost);
    assert.deepEqual([estimated?.state, estimated?.calls], ['estimated', 3]);
    assert.deepEqual(released, { state: 'released', calls: 1, cost: 0 });
    assert.deepEqual([settled?.state, settled?.calls], ['settled', 2]);
    for (const purse of await pursesOf(tenantId))
      assert.deepEqual([purse.reserved, purse.settled], [0, spent], purse.scope);
  });

  it('is a tenant’s own: when one has spent its day, it works by its playbooks, and another goes on', async () => {
    verifies('R7.on-budget', 'R7.budget', 'R12.tenancy');
    const [rich, poor] = [await lab.host.store.tenant('rich'), await lab.host.store.tenant('poor')];
    const items = [{ id: 'q' }];
    await pool.query(
      // Midnight may be now.
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, settled_micro_usd)
       SELECT $1, 'tenant', (now() AT TIME ZONE 'UTC')::date + day, 100000, 99000 FROM generate_series(0, 1) day`,
      [poor],
    );

    const spent = await lab.run('lab.ask', { tenantId: poor, input: { items } });
    const free = await lab.run('lab.ask', { tenantId: rich, input: { items } });

    const outputs = await pool.query<{ run_id: string; degraded: boolean; output: unknown }>(
      `SELECT s.run_id, s.degraded, convert_from(p.body, 'UTF8')::jsonb AS output FROM tutti.step s
       JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq WHERE s.run_id = ANY ($1)`,
      [[spent.id, free.id]],
    );
    const of = (id: string) => outputs.rows.find((row) => row.run_id === id);
    assert.deepEqual(
      [of(spent.id)?.degraded, of(spent.id)?.output],
      [true, { text: 'by the book' }],
    );
    assert.deepEqual(
      [of(free.id)?.degraded, of(free.id)?.output],
      [false, { text: 'by the model' }],
    );
  });
});
