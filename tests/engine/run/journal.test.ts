import assert from 'node:assert/strict';
import type pg from 'pg';
import type { EngineError } from '../../../core/base/errors.ts';
import { newId } from '../../../core/base/ids.ts';
import { nextEntry } from '../../../core/engine/run/attempt.ts';
import { type Flushed, Journal, journalSettings } from '../../../core/engine/run/journal.ts';
import { Lease } from '../../../core/engine/run/lease.ts';
import type { Change } from '../../../core/engine/run/rows.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { newStep, type Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/run/store.ts';
import { facts, graphOf, task, workflow } from '../../support/fixtures/graphs.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const graph = graphOf([task('one')]);
const actor = { kind: 'person', id: 'tester' } as const;

let fresh: FreshDatabase;
let pool: pg.Pool;
let store: Store;

/** An engine's right to write, without the engine. */
async function aWriter() {
  const lease = new Lease(pool, 'test');
  await lease.take();
  const client = await fresh.database.connect('tutti_engine');
  await client.query(journalSettings);
  const rejected: { readonly change: Change; readonly error: EngineError }[] = [];
  const failures: EngineError[] = [];
  const journal = new Journal(client, lease.boot, {
    failed: (error) => failures.push(error),
    rejected: (change, error) => rejected.push({ change, error }),
  });
  return { lease, journal, rejected, failures };
}

type Writer = Awaited<ReturnType<typeof aWriter>>;

/** A stored run that a writer owns, and its first step. */
async function aRun(writer: Writer): Promise<Run> {
  const id = newId();
  await pool.query(
    `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, owner)
     VALUES (1, $1, 'lab', 1, '{}', 1, '2026-06-30', 'UTC', 'running', '{}', $2)`,
    [id, writer.lease.boot],
  );
  return new Run({ ...facts, id }, graph);
}

/** Another step of a run, as a foreach makes them. */
function aStep(run: Run, itemKey: string): Step {
  const step = newStep({
    id: run.steps.length,
    node: 'each',
    itemKey,
    place: run.graph.nodes[0] as never,
    item: null,
  });
  run.steps.push(step);
  return step;
}

async function rowsOf<T extends object>(table: string, run: Run): Promise<readonly T[]> {
  const column = table === 'run' ? 'id' : 'run_id';
  const order = { entry: 'seq', step: 'id', ledger: 'seq' }[table] ?? column;
  return (
    await pool.query(`SELECT * FROM tutti.${table} WHERE ${column} = $1 ORDER BY ${order}`, [
      run.facts.id,
    ])
  ).rows;
}

function durable(writer: Writer, change: Change): Promise<Flushed> {
  return new Promise((resolve) => writer.journal.write(change, resolve));
}

describe('the database of an engine', () => {
  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    store = new Store(pool);
  });

  after(function () {
    return fresh.drop(this);
  });

  describe('Journal', () => {
    it('commits what gathers together, in the order of its numbers, and tells everybody', async () => {
      verifies('R9.events');
      const writer = await aWriter();
      const run = await aRun(writer);
      const told: number[] = [];

      for (let index = 0; index < 100; index += 1) {
        const entry = nextEntry(run, { step: null, kind: 'note', data: { index } });
        writer.journal.write({ run, step: null, entries: [entry] }, () => told.push(index));
      }
      await writer.journal.settled();

      const entries = await rowsOf<{ seq: number; data: { index: number } }>('entry', run);
      assert.deepEqual(
        entries.map(({ data }) => data.index),
        entries.map(({ seq }) => seq - 1),
      );
      assert.deepEqual(
        told,
        Array.from({ length: 100 }, (_, index) => index),
      );
      assert.equal(writer.journal.counts.flushes, 1);
    });

    it('writes a step that changed many times as one row, its state when the flush began', async () => {
      const writer = await aWriter();
      const run = await aRun(writer);
      const step = run.steps[0] as Step;
      Object.assign(step, { status: 'running', attempt: 1 });
      for (let time = 0; time < 5; time += 1) writer.journal.write({ run, step });

      await writer.journal.settled();

      assert.deepEqual(
        (await rowsOf<{ status: string }>('step', run)).map(({ status }) => status),
        ['running'],
      );
    });

    it('writes more than a thousand changes at once, steps that end among them, each once', async () => {
      const writer = await aWriter();
      const run = await aRun(writer);
      const steps = Array.from({ length: 700 }, (_, index) => aStep(run, `i${index}`));
      for (const step of steps) writer.journal.write({ run, step });
      for (const step of steps) {
        Object.assign(step, { status: 'succeeded', attempt: 1, endedAt: 1 });
        writer.journal.write({
          run,
          step,
          entries: [nextEntry(run, { step, kind: 'step.succeeded', data: {} })],
        });
      }

      await writer.journal.settled();

      assert.deepEqual(writer.failures, []);
      assert.equal((await rowsOf('step', run)).length, 700);
      assert.equal((await rowsOf('entry', run)).length, 700);
    });

    it('stores NUL and lone surrogates as U+FFFD, and harms nobody beside', async () => {
      const writer = await aWriter();
      const [run, beside] = [await aRun(writer), await aRun(writer)];
      const bad = 'a\u0000b\ud800c\\u0000 \ud83d\ude00';
      const step = aStep(run, `k${bad}`);
      const error = { code: 'AGENT_FAILED', message: bad } as const;
      Object.assign(step, { status: 'failed', error });

      writer.journal.write({
        run,
        step,
        entries: [nextEntry(run, { step, kind: 'step.failed', data: { error } })],
      });
      writer.journal.write({
        run: beside,
        step: null,
        entries: [nextEntry(beside, { step: null, kind: 'note', data: {} })],
      });
      await writer.journal.settled();

      const good = 'a\ufffdb\ufffdc\\u0000 \ud83d\ude00';
      const [row] = await rowsOf<{ item_key: string; error: { message: string } }>('step', run);
      const [entry] = await rowsOf<{ data: { error: { message: string } } }>('entry', run);
      assert.deepEqual(
        [row?.item_key, row?.error.message, entry?.data.error.message],
        [`k${good}`, good, good],
      );
      assert.equal((await rowsOf('entry', beside)).length, 1);
      assert.deepEqual([writer.rejected, writer.failures], [[], []]);
    });

    it('drops the rows of one step that the database refuses, and commits those of fifty others', async () => {
      verifies('R8.isolation');
      const writer = await aWriter();
      const run = await aRun(writer);
      const steps = Array.from({ length: 51 }, (_, index) => aStep(run, `i${index}`));
      const [bad] = steps.slice(17);
      Object.assign(bad as Step, { status: 'lost' });
      const told: string[] = [];

      for (const step of steps) {
        const entry = nextEntry(run, { step, kind: 'step.started', data: {} });
        writer.journal.write({ run, step, entries: [entry] }, () => told.push(step.itemKey));
      }
      await writer.journal.settled();

      assert.deepEqual(
        writer.rejected.map(({ change, error }) => [change.step, error.code]),
        [[bad, 'JOURNAL_REJECTED']],
      );
      assert.equal((await rowsOf('step', run)).length, 50);
      assert.equal((await rowsOf('entry', run)).length, 50);
      assert.equal(told.length, 50);
      assert.equal(told.includes('i17'), false);
      assert.deepEqual(writer.failures, []);
    });

    it('refuses a priority that no smallint holds for its own step alone', async () => {
      const writer = await aWriter();
      const run = await aRun(writer);
      const [good, bad] = [aStep(run, 'good'), aStep(run, 'bad')];
      Object.assign(bad, { place: { ...bad.place, priority: 70_000 } });

      writer.journal.write({ run, step: good });
      writer.journal.write({ run, step: bad });
      await writer.journal.settled();

      assert.deepEqual(
        writer.rejected.map(({ change }) => change.step),
        [bad],
      );
      assert.deepEqual(
        (await rowsOf<{ item_key: string }>('step', run)).map(({ item_key }) => item_key),
        ['good'],
      );
    });

    it('writes nothing at all after another engine has taken over', async () => {
      verifies('R9.one-writer');
      const writer = await aWriter();
      const run = await aRun(writer);
      await pool.query(`UPDATE tutti.engine SET state = 'gone' WHERE id = $1`, [writer.lease.boot]);
      let wasTold = false;

      const step = run.steps[0] as Step;
      const entries = [nextEntry(run, { step, kind: 'step.started', data: {} })];
      writer.journal.write({ run, step, entries, runStatus: 'failed' }, () => {
        wasTold = true;
      });
      await writer.journal.settled();
      writer.journal.write({ run, step: null, entries });
      await writer.journal.settled();

      assert.deepEqual(
        writer.failures.map(({ code }) => code),
        ['ENGINE_FENCED'],
      );
      assert.equal(wasTold, false);
      for (const table of ['step', 'entry']) assert.deepEqual(await rowsOf(table, run), []);
      assert.deepEqual(
        (await rowsOf<{ status: string }>('run', run)).map(({ status }) => status),
        ['running'],
      );
      await assert.rejects(writer.lease.renew(), { code: 'ENGINE_FENCED' });
    });

    it('leaves out the calls that a budget does not admit, and writes the rest', async () => {
      verifies('R7.budget');
      const writer = await aWriter();
      const run = await aRun(writer);
      const step = run.steps[0] as Step;
      const period = '2026-06-30';
      await store.openBudgets(1, ['tenant'], { limitMicroUsd: 100, period });
      const call = (reserve: number): Change => {
        const entry = nextEntry(run, { step, kind: 'turn.started', data: {} });
        const turn = { seq: entry.seq, model: 'm', priceVersion: 1, reservedMicroUsd: reserve };
        return {
          run,
          step,
          entries: [entry],
          turns: [turn],
          budgets: [{ scope: 'tenant', period, reserve, release: 0, settle: 0 }],
        };
      };
      const first = await durable(writer, call(60));

      const note = nextEntry(run, { step, kind: 'note', data: {} });
      const [second, beside] = await Promise.all([
        durable(writer, call(41)),
        durable(writer, { run, step, entries: [note] }),
      ]);

      assert.deepEqual([first.admitted, second.admitted, beside.admitted], [true, false, false]);
      assert.equal((await rowsOf('ledger', run)).length, 1);
      assert.deepEqual(
        (await rowsOf<{ kind: string }>('entry', run)).map(({ kind }) => kind),
        ['turn.started', 'note'],
      );
      const { rows } = await pool.query(
        'SELECT reserved_micro_usd FROM tutti.budget WHERE tenant_id = 1',
      );
      assert.deepEqual(rows, [{ reserved_micro_usd: 60 }]);
    });

    it('says which effects nobody had recorded before, and keeps the first', async () => {
      const writer = await aWriter();
      const run = await aRun(writer);
      const step = run.steps[0] as Step;
      const effect = (byte: string, argsSha256: string): Change => {
        const entry = nextEntry(run, { step, kind: 'effect.started', data: {} });
        const row = {
          key: byte.repeat(32),
          seq: entry.seq,
          tool: 'lab.t',
          contract: '00',
          duty: null,
          entity: null,
          targetId: null,
          argsSha256,
          binds: null,
          state: 'started',
        };
        return { run, step, entries: [entry], effects: [row] };
      };

      const first = await durable(writer, effect('aa', '01'));
      const again = await durable(writer, effect('aa', '02'));
      await durable(writer, {
        run,
        step,
        effectEnds: [{ key: 'aa'.repeat(32), state: 'applied', outcome: { n: 1 } }],
      });

      assert.deepEqual([...first.newEffects], ['aa'.repeat(32)]);
      assert.deepEqual([...again.newEffects], []);
      assert.deepEqual(await store.effect(1, 'aa'.repeat(32)), {
        state: 'applied',
        argsSha256: '01',
        outcome: { n: 1 },
      });
      assert.equal(await store.effect(1, 'bb'.repeat(32)), null);
    });
  });

  describe('Store', () => {
    const request = {
      tenantId: 1,
      workflow: 'lab',
      input: { a: 1, b: [2] },
      businessDate: '2026-06-30',
      timeZone: 'UTC',
      attended: false,
      actor,
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
        Array.from({ length: 6 }, () => store.publishWorkflow(1, data, null)),
      );

      const next = await store.publishWorkflow(1, { ...data, partial: true }, null);

      assert.deepEqual([...new Set(versions)], [1]);
      assert.equal(next, 2);
      assert.equal((await store.workflowVersion(1, 'published', 1)).partial, false);
      await assert.rejects(store.workflowVersion(1, 'published', 3), { code: 'WORKFLOW_UNKNOWN' });
    });

    it('gives every run to one engine only', async () => {
      verifies('R13.several-engines', 'R9.one-writer');
      const engines = await Promise.all(Array.from({ length: 4 }, () => aWriter()));
      await pool.query(
        `UPDATE tutti.run SET ended_at = now(), owner = NULL WHERE ended_at IS NULL`,
      );
      const made = await Promise.all(Array.from({ length: 60 }, () => store.createRun(request, 1)));

      const claims = await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          store.claim((engines[at % 4] as Writer).lease.boot, 3),
        ),
      );

      const claimed = claims.flat().map(({ id }) => id);
      assert.equal(new Set(claimed).size, claimed.length);
      assert.deepEqual([...claimed].sort(), made.map(({ id }) => id).sort());
    });

    it('frees the runs of an engine whose lease has run out, and of no other', async () => {
      verifies('R9.take-over', 'R2.heartbeat');
      const [dead, alive, next] = [await aWriter(), await aWriter(), await aWriter()];
      const [lost, kept] = [await aRun(dead), await aRun(alive)];
      await pool.query(
        `UPDATE tutti.engine SET lease_until = now() - interval '1 second' WHERE id = $1`,
        [dead.lease.boot],
      );

      const freed = await next.lease.takeOver();

      assert.equal(freed, 1);
      const [lostRow] = await rowsOf<{ owner: string | null; takeovers: number }>('run', lost);
      const [keptRow] = await rowsOf<{ owner: string | null }>('run', kept);
      assert.deepEqual([lostRow?.owner, lostRow?.takeovers], [null, 1]);
      assert.equal(keptRow?.owner, alive.lease.boot);
      await assert.rejects(dead.lease.renew(), { code: 'ENGINE_FENCED' });
    });

    it('settles in full what a dead engine had reserved', async () => {
      verifies('R7.orphan');
      const writer = await aWriter();
      const run = await aRun(writer);
      const step = run.steps[0] as Step;
      const period = new Date().toISOString().slice(0, 10);
      const scopes = ['tenant', 'workflow:lab', 'module:lab'];
      await store.openBudgets(1, scopes, { limitMicroUsd: 10_000, period });
      const entry = nextEntry(run, { step, kind: 'turn.started', data: {} });
      await durable(writer, {
        run,
        step,
        entries: [entry],
        turns: [{ seq: entry.seq, model: 'm', priceVersion: 1, reservedMicroUsd: 70 }],
        budgets: scopes.map((scope) => ({ scope, period, reserve: 70, release: 0, settle: 0 })),
      });
      const row = { tenant_id: 1, id: run.facts.id, workflow: 'lab' } as Parameters<
        Store['settleOrphans']
      >[0];

      await store.settleOrphans(row);
      await store.settleOrphans(row);

      const [ledger] = await rowsOf<{ state: string; cost_micro_usd: number }>('ledger', run);
      assert.deepEqual([ledger?.state, ledger?.cost_micro_usd], ['estimated', 70]);
      const { rows } = await pool.query(
        'SELECT reserved_micro_usd AS reserved, settled_micro_usd AS settled FROM tutti.budget WHERE tenant_id = 1 AND period = $1',
        [period],
      );
      assert.deepEqual(
        rows,
        scopes.map(() => ({ reserved: 0, settled: 70 })),
      );
      assert.equal((await store.steps(1, run.facts.id)).open[0]?.cost_micro_usd, 70);
    });
  });
});
