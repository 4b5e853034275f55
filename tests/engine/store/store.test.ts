import assert from 'node:assert/strict';
import type pg from 'pg';
import { digest, newId } from '../../../core/base/ids.ts';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import { noDay } from '../../../core/engine/limits/purse.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { WorkflowData } from '../../../core/sdk/node.ts';
import { task, workflow } from '../../support/fixtures/graphs.ts';
import { Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const registered = (data: WorkflowData) => ({ data, module: null, digest: digest(data) });

describe('Store', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let store: Store;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    store = new Store(pool);
  });

  after(function () {
    return fresh.drop(this);
  });

  const request = {
    tenantId: 1,
    workflow: 'lab',
    input: { a: 1, b: [2] },
    businessDate: '2026-06-30',
    timeZone: 'UTC',
    attended: false,
    actor: { kind: 'person', id: 'tester' } as const,
  };

  it('gives parallel requests with one key one run, and refuses the key for another input', async () => {
    verifies('R10.idempotency');
    const others = fresh.database.pool('tutti_engine', 4);
    const ask = (at: number) =>
      new Store(at % 2 === 0 ? pool : others).createRun(
        { ...request, input: at % 3 === 0 ? { b: [2], a: 1 } : request.input, key: 'k1' },
        1,
      );

    const made = await Promise.all(Array.from({ length: 12 }, (_, at) => ask(at)));

    assert.equal(new Set(made.map(({ id }) => id)).size, 1);
    assert.equal(made.filter(({ isNew }) => isNew).length, 1);
    const { rows } = await pool.query(
      `SELECT count(*)::int AS runs FROM tutti.run WHERE key = 'k1'`,
    );
    assert.deepEqual(rows, [{ runs: 1 }]);
    await assert.rejects(store.createRun({ ...request, input: { a: 2 }, key: 'k1' }, 1), {
      code: 'KEY_REUSED',
      message: /k1/,
    });
    const elsewhere = await store.createRun(
      { ...request, workflow: 'else', input: { a: 2 }, key: 'k1' },
      1,
    );
    assert.equal(elsewhere.isNew, true);
  });

  it('publishes the same workflow once, also when two engines do so at a time', async () => {
    verifies('R1.versions');
    const data = workflow([task('one')], { name: 'published' });
    const versions = await Promise.all(
      Array.from({ length: 6 }, () => store.publishWorkflow(1, registered(data))),
    );

    const next = await store.publishWorkflow(1, registered({ ...data, partial: true }));

    assert.deepEqual([...new Set(versions)], [1]);
    assert.equal(next, 2);
    assert.equal((await store.workflowVersion(1, 'published', 1)).partial, false);
    await assert.rejects(store.workflowVersion(1, 'published', 3), { code: 'WORKFLOW_UNKNOWN' });
  });

  it('gives every run to one engine only', async () => {
    verifies('R13.several-engines', 'R9.one-writer');
    const engines = await Promise.all(
      Array.from({ length: 4 }, () => Writer.open(fresh.database, pool)),
    );
    await pool.query(`UPDATE tutti.run SET ended_at = now(), owner = NULL WHERE ended_at IS NULL`);
    const made = await Promise.all(Array.from({ length: 60 }, () => store.createRun(request, 1)));

    const claims = await Promise.all(
      Array.from({ length: 40 }, (_, at) => store.claim((engines[at % 4] as Writer).lease.boot, 3)),
    );

    const claimed = claims.flat().map(({ id }) => id);
    assert.equal(new Set(claimed).size, claimed.length);
    assert.deepEqual([...claimed].sort(), made.map(({ id }) => id).sort());
  });

  it('frees the runs of an engine whose lease has run out, and of no other', async () => {
    verifies('R9.take-over', 'R2.heartbeat');
    const [dead, alive, next] = [
      await Writer.open(fresh.database, pool),
      await Writer.open(fresh.database, pool),
      await Writer.open(fresh.database, pool),
    ];
    const [lost, kept] = [await dead.run(), await alive.run()];
    await pool.query(
      `UPDATE tutti.engine SET lease_until = now() - interval '1 second' WHERE id = $1`,
      [dead.lease.boot],
    );

    const freed = await next.lease.takeOver();

    assert.equal(freed, 1);
    const [lostRow] = await next.rowsOf<{ owner: string | null; takeovers: number }>('run', lost);
    const [keptRow] = await next.rowsOf<{ owner: string | null }>('run', kept);
    assert.deepEqual([lostRow?.owner, lostRow?.takeovers], [null, 1]);
    assert.equal(keptRow?.owner, alive.lease.boot);
    await assert.rejects(dead.lease.renew(), { code: 'ENGINE_FENCED' });
  });

  it('settles in full what a dead engine had reserved', async () => {
    verifies('R7.orphan');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const step = run.steps[0] as Step;
    const period = new Date().toISOString().slice(0, 10);
    const scopes = ['tenant', 'workflow:lab', 'module:lab'];
    const purses = scopes.map((scope) => ({ scope, limitMicroUsd: 10_000 }));
    await store.openBudgets(1, purses, period);
    // Of the run that has started it, and its own, which those pay from that it starts.
    const above = newId();
    const family = [`run:${above}`, `run:${run.facts.id}`];
    const limits = family.map((scope) => ({ scope, limitMicroUsd: 10_000 }));
    await store.openBudgets(1, limits, noDay);
    // As it was paid, whatever day it is when that is stored.
    const entry = nextEntry(run, { step, kind: 'turn.started', data: { period } });
    await writer.durable({
      run,
      step,
      entries: [entry],
      turns: [
        {
          call: { phase: 'gathered', isAbandoned: false },
          seq: entry.seq,
          model: 'm',
          priceVersion: 1,
          reservedMicroUsd: 70,
          simulated: false,
        },
      ],
      money: {
        purses: [
          ...scopes.map((scope) => `${period} 1 ${scope}`),
          ...family.map((scope) => `${noDay} 1 ${scope}`),
        ],
        reserve: 70,
        release: 0,
        settle: 0,
      },
    });
    const pins = { purses: { [above]: 10_000 } };
    const row = { tenant_id: 1, id: run.facts.id, workflow: 'lab', pins } as Parameters<
      Store['settleOrphans']
    >[0];

    const { boot } = writer.lease;
    await store.settleOrphans(row, { boot, upToSeq: entry.seq });
    await store.settleOrphans(row, { boot, upToSeq: entry.seq });

    const [ledger] = await writer.rowsOf<{ state: string; cost_micro_usd: number }>('ledger', run);
    assert.deepEqual([ledger?.state, ledger?.cost_micro_usd], ['estimated', 70]);
    const { rows } = await pool.query(
      'SELECT reserved_micro_usd AS reserved, settled_micro_usd AS settled FROM tutti.budget WHERE tenant_id = 1 AND period = ANY ($1)',
      [[period, noDay]],
    );
    assert.deepEqual(
      rows,
      [...scopes, ...family].map(() => ({ reserved: 0, settled: 70 })),
    );
    assert.equal((await store.steps(1, run.facts.id)).open[0]?.cost_micro_usd, 70);
  });
});
