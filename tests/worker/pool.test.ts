import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import type pg from 'pg';
import { digest } from '../../core/base/ids.ts';
import { LeaseClock } from '../../core/base/lease-clock.ts';
import { Pool } from '../../worker/pool/pool.ts';
import { type EndedRun, openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { heldLease, labSetup, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

interface StepRow {
  readonly node: string;
  readonly item_key: string;
  readonly status: string;
  readonly crashes: number;
  readonly code: string | null;
  readonly message: string | null;
}

/** What each way to misbehave ends as; the first three take their thread down. What else does is for `faults.test.ts`. */
const endings: readonly (readonly [string, string, RegExp])[] = [
  ['late', 'STEP_CRASHED', /did not yield/],
  ['memory', 'STEP_CRASHED', /memory|did not yield/],
  ['two_faced', 'STEP_CRASHED', /its process was ended by SIGKILL/],
  ['exit', 'AGENT_FAILED', /process\.exit\(3\)/],
  ['bigint', 'RESULT_UNCLONABLE', /JSON/],
  ['finding', 'OUTPUT_INVALID', /amount/],
];

describe('Pool', () => {
  let lab: TestEngine;
  let pool: pg.Pool;
  let tenantId: number;

  async function stepsOf({ id }: EndedRun): Promise<readonly StepRow[]> {
    const { rows } = await pool.query<StepRow>(
      `SELECT node, item_key, status, crashes, error->>'code' AS code, error->>'message' AS message
       FROM tutti.step WHERE run_id = $1 ORDER BY id`,
      [id],
    );
    return rows;
  }

  before(async () => {
    process.env.LAB_ENGINE = String(process.pid);
    lab = await openTestEngine(new URL('../support/fixtures/lab.config.ts', import.meta.url));
    pool = lab.host.database.pool('tutti_engine', 2);
    tenantId = await lab.host.store.tenant('lab');
  });

  after(function () {
    delete process.env.LAB_ENGINE;
    return lab.close(this);
  });

  it('lets the thread that answers people go before those of agents', async function () {
    if (process.platform !== 'linux') this.skip();
    const { lanes } = lab.engine.vitals.lanes;
    await until(() => lab.engine.vitals.lanes.ready === lanes, 'all lanes are ready');
    const own = getPriority(process.pid);

    // Threads of other pools may be about to end.
    await until(
      () => prioritiesOfThreads().filter((nice) => nice > own).length === lanes,
      'as many threads as there are lanes stand back',
    );
  });

  describe('with agents that misbehave', () => {
    let steps: readonly StepRow[];

    before(async () => {
      const items = endings.map(([what]) => ({ id: what, what }));
      steps = await stepsOf(await lab.run('lab.faults', { tenantId, input: { items } }));
    });

    for (const [what, code, message] of endings) {
      it(`fails the step of '${what}' alone, with its reason`, () => {
        verifies('R8.isolation', 'R13.non-blocking', 'R8.classify');
        const step = steps.find((row) => row.node === 'bad' && row.item_key === what);

        assert.deepEqual([step?.status, step?.code], ['failed', code], step?.message ?? '');
        assert.match(step?.message ?? '', message);
        if (code === 'STEP_CRASHED')
          assert.ok((step?.crashes ?? 0) >= 2, `${step?.crashes} crashes`);
      });
    }

    it('finishes the work of all others', () => {
      verifies('R8.quarantine');
      const good = steps.filter(({ node, item_key }) => node === 'good' && item_key !== '');

      assert.equal(good.length, endings.length);
      assert.deepEqual([...new Set(good.map(({ status }) => status))], ['succeeded']);
    });

    it('lets no other pay with a retry for a thread that died under it', async () => {
      verifies('R8.isolation');
      const { rows } = await pool.query<{ outcome: string }>(
        `SELECT DISTINCT a.outcome FROM tutti.attempt a JOIN tutti.step s USING (tenant_id, run_id)
         WHERE s.id = a.step AND s.node = 'good' AND a.outcome NOT IN ('succeeded', 'lost', 'crashed')`,
      );

      assert.deepEqual(rows, []);
    });

    it('is whole again: all lanes work', async () => {
      verifies('R3.health', 'R3.pool');
      await until(() => lab.engine.vitals.lanes.ready === 2, 'all lanes are ready');
      const items = Array.from({ length: 40 }, (_, index) => ({ id: `q${index}` }));

      const run = await lab.run('lab.quick', { tenantId, input: { items } });

      assert.equal(run.status, 'succeeded');
      const { rows } = await pool.query<{ worker: string }>(
        'SELECT DISTINCT worker FROM tutti.attempt WHERE run_id = $1',
        [run.id],
      );
      assert.equal(rows.length, 2);
    });

    it('records every death of a thread as the attempt that it ended', async () => {
      const { rows } = await pool.query<{ outcome: string; attempts: number }>(
        `SELECT a.outcome, count(*)::int AS attempts FROM tutti.attempt a JOIN tutti.step s USING (tenant_id, run_id)
         WHERE s.id = a.step AND s.item_key IN ('late', 'memory', 'two_faced') AND s.node = 'bad' GROUP BY 1`,
      );

      const crashed = rows.find(({ outcome }) => outcome === 'crashed')?.attempts ?? 0;
      assert.ok(crashed >= 3, JSON.stringify(rows));
    });
  });

  it('ends an agent that waits for ever at its timeout, and nothing beside it', async () => {
    verifies('R3.timeout');
    const run = await lab.run('lab.stuck', { tenantId });

    const [stuck, beside] = await stepsOf(run);
    assert.deepEqual([stuck?.status, stuck?.code], ['failed', 'AGENT_TIMEOUT']);
    assert.equal(beside?.status, 'succeeded');
    const { rows } = await pool.query(
      'SELECT outcome FROM tutti.attempt WHERE run_id = $1 AND step = 0',
      [run.id],
    );
    assert.deepEqual(rows, [{ outcome: 'timed_out' }]);
  });

  it('ends an agent that waits for ever when its run is cancelled, and starts nothing after it', async () => {
    verifies('R8.cancel');
    const { id } = await lab.engine.startRun(requestOf('lab.patient', { tenantId }));
    const ended = lab.engine.whenEnded(id);

    await lab.engine.ask({
      tenantId: tenantId,
      runId: id,
      kind: 'cancel',
      actor: { kind: 'person', id: 'tester' },
    });

    assert.equal(await ended, 'cancelled');
    const steps = await stepsOf({ id, status: 'cancelled' });
    assert.deepEqual(
      steps.map(({ status }) => status),
      ['cancelled', 'cancelled'],
    );
    const { rows } = await pool.query(
      `SELECT FROM tutti.entry WHERE run_id = $1 AND kind = 'step.started' AND step = 1`,
      [id],
    );
    assert.deepEqual(rows, []);
    const inbox = await pool.query('SELECT FROM tutti.inbox WHERE run_id = $1', [id]);
    assert.deepEqual(inbox.rows, []);
  });

  it('is not waited for where it is stopped while it starts, as by an engine that has lost its lease', async () => {
    verifies('R3.cleanup', 'R3.pool');
    const late = new Pool({ setup: labSetup, threads: 1 });
    const never = new Pool({ setup: labSetup, threads: 1 });
    const start = (each: Pool) => each.start({ messages: () => {}, lost: () => {} }, heldLease());
    const starting = assert.rejects(start(late), { code: 'ENGINE_STOPPED' });

    await Promise.all([late.stop(), never.stop()]);

    await starting;
    await assert.rejects(start(never), { code: 'ENGINE_STOPPED' });
  });

  it('says that threads cannot load the modules, and why', async () => {
    verifies('R12.module-check');
    const setup = {
      configUrl: new URL('../support/fixtures/broken.config.ts', import.meta.url).href,
      connection: {},
      dataFolder: '/nonexistent',
      profiles: null,
      digest: digest().toString('hex'),
    };
    const broken = new Pool({ setup, threads: 1 });
    try {
      await assert.rejects(broken.start({ messages: () => {}, lost: () => {} }, new LeaseClock()), {
        code: 'MODULE_INVALID',
        message: /the crate module needs its scales/,
      });
    } finally {
      await broken.stop();
    }
  });
});

/** Of all threads of this process, but those that end while they are looked at. */
function prioritiesOfThreads(): readonly number[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      return [getPriority(Number(thread))];
    } catch {
      return [];
    }
  });
}
