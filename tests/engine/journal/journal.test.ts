import assert from 'node:assert/strict';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { MovedPurse } from '../../../core/engine/limits/budget.ts';
import { Run } from '../../../core/engine/run/run.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { aCall, aNote, aStep, Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

describe('Journal', () => {
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

  it('commits what gathers together, in the order of its numbers, and tells everybody', async () => {
    verifies('R9.events');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const told: number[] = [];

    for (let index = 0; index < 100; index += 1) {
      const entry = nextEntry(run, { step: null, kind: 'note', data: { index } });
      writer.journal.write({ run, step: null, entries: [entry] }, () => told.push(index));
    }
    await writer.journal.settled();

    const entries = await writer.rowsOf<{ seq: number; data: { index: number } }>('entry', run);
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
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const step = run.steps[0] as Step;
    Object.assign(step, { status: 'running', attempt: 1 });
    for (let time = 0; time < 5; time += 1) writer.journal.write({ run, step });

    await writer.journal.settled();

    assert.deepEqual(
      (await writer.rowsOf<{ status: string }>('step', run)).map(({ status }) => status),
      ['running'],
    );
  });

  it('stores NUL and lone surrogates as U+FFFD, and harms nobody beside', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const [run, beside] = [await writer.run(), await writer.run()];
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
    const [row] = await writer.rowsOf<{ item_key: string; error: { message: string } }>(
      'step',
      run,
    );
    const [entry] = await writer.rowsOf<{ data: { error: { message: string } } }>('entry', run);
    assert.deepEqual(
      [row?.item_key, row?.error.message, entry?.data.error.message],
      [`k${good}`, good, good],
    );
    assert.equal((await writer.rowsOf('entry', beside)).length, 1);
    assert.deepEqual([writer.rejected, writer.failures], [[], []]);
  });

  it('drops the rows of one step that the database refuses, and commits those of fifty others', async () => {
    verifies('R8.isolation');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
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
    assert.equal((await writer.rowsOf('step', run)).length, 50);
    assert.equal((await writer.rowsOf('entry', run)).length, 50);
    assert.equal(told.length, 50);
    assert.equal(told.includes('i17'), false);
    assert.deepEqual(writer.failures, []);
  });

  it('ends a run after its steps where the database refuses one of them', async () => {
    verifies('R8.isolation');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const steps = ['a', 'bad', 'c'].map((key) => aStep(run, key));
    Object.assign(steps[1] as Step, { status: 'lost' });
    const told: string[] = [];

    writer.journal.write({ run, step: null, runStatus: 'running' }, () => told.push('begun'));
    for (const step of steps)
      writer.journal.write({ run, step, entries: [] }, () => told.push(step.itemKey));
    writer.journal.write({ run, step: null, runStatus: 'partial' }, () => told.push('ended'));
    await writer.journal.settled();

    assert.deepEqual(told, ['begun', 'a', 'c', 'ended']);
  });

  it('writes all others at once, and not what follows from a step before it, where the database refuses one', async () => {
    verifies('R8.isolation', 'R8.crash');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const [follows, other, ends, bad] = ['follows', 'other', 'ends', 'bad'].map((key) =>
      aStep(run, key),
    ) as [Step, Step, Step, Step];
    Object.assign(bad, { status: 'lost' });

    for (const step of [follows, other, ends]) writer.journal.write({ run, step });
    writer.journal.write(aNote(run));
    for (const step of [follows, bad]) writer.journal.write({ run, step });
    await writer.journal.settled();

    const { rows } = await pool.query<{ name: string; at: string }>(
      `SELECT item_key AS name, xmin::text AS at FROM tutti.step WHERE run_id = $1
       UNION ALL SELECT kind, xmin::text FROM tutti.entry WHERE run_id = $1 ORDER BY name`,
      [run.facts.id],
    );
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['ends', 'follows', 'note', 'other'],
    );
    assert.equal(new Set(rows.map(({ at }) => at)).size, 1);
  });

  it('refuses a priority that no smallint holds for its own step alone', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
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
      (await writer.rowsOf<{ item_key: string }>('step', run)).map(({ item_key }) => item_key),
      ['good'],
    );
  });

  it('writes nothing at all after another engine has taken over', async () => {
    verifies('R9.one-writer');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
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
    for (const table of ['step', 'entry'] as const)
      assert.deepEqual(await writer.rowsOf(table, run), []);
    assert.deepEqual(
      (await writer.rowsOf<{ status: string }>('run', run)).map(({ status }) => status),
      ['running'],
    );
    await assert.rejects(writer.lease.renew(), { code: 'ENGINE_FENCED' });
  });

  it('leaves out the calls that a budget does not admit, and writes the rest', async () => {
    verifies('R7.budget');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const step = run.steps[0] as Step;
    const period = '2026-06-30';
    await store.openBudgets(1, [{ scope: 'tenant', limitMicroUsd: 100 }], period);
    const call = (reserve: number) => aCall(run, step, { period, reserve });
    const first = await writer.durable(call(60));

    const note = nextEntry(run, { step, kind: 'note', data: {} });
    const [second, beside] = await Promise.all([
      writer.durable(call(41)),
      writer.durable({ run, step, entries: [note] }),
    ]);

    assert.deepEqual([first.admitted, second.admitted, beside.admitted], [true, false, true]);
    assert.equal((await writer.rowsOf('ledger', run)).length, 1);
    assert.deepEqual(
      (await writer.rowsOf<{ kind: string }>('entry', run)).map(({ kind }) => kind),
      ['turn.started', 'note'],
    );
    const { rows } = await pool.query(
      'SELECT reserved_micro_usd FROM tutti.budget WHERE tenant_id = 1',
    );
    assert.deepEqual(rows, [{ reserved_micro_usd: 60 }]);
  });

  it('refuses the calls that a purse has too little for, and none of a tenant that shares their flush', async () => {
    verifies('R7.budget', 'R12.tenancy');
    const writer = await Writer.open(fresh.database, pool);
    const period = '2026-07-01';
    const limits = { 1: 100, 2: 1_000 };
    for (const [tenantId, limitMicroUsd] of Object.entries(limits))
      await store.openBudgets(Number(tenantId), [{ scope: 'tenant', limitMicroUsd }], period);
    const heard: MovedPurse[] = [];
    writer.journal.onMoney((moved) => heard.push(moved));
    const poor = await writer.run();
    const rich = new Run({ ...poor.facts, id: newId(), tenantId: 2 }, poor.graph);
    const call = (run: Run, reserve: number) =>
      aCall(run, run.steps[0] as Step, { period, reserve });

    const flushed = await Promise.all(
      [call(poor, 60), call(rich, 700), call(poor, 41), call(rich, 300)].map((each) =>
        writer.durable(each),
      ),
    );

    assert.deepEqual(
      flushed.map(({ admitted }) => admitted),
      [true, true, false, true],
    );
    assert.equal(writer.journal.counts.flushes, 1);
    assert.deepEqual(
      heard.map(({ name, reservedMicroUsd, row }) => [name, reservedMicroUsd, row]),
      [
        [
          `${period} 1 tenant`,
          60,
          { limitMicroUsd: 100, reservedMicroUsd: 60, settledMicroUsd: 0 },
        ],
        [
          `${period} 2 tenant`,
          1_000,
          { limitMicroUsd: 1_000, reservedMicroUsd: 1_000, settledMicroUsd: 0 },
        ],
      ],
    );
  });

  it('lets one of two steps begin an effect that both ask for in the same flush', async () => {
    verifies('R8.crash');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const [one, other] = [aStep(run, 'one'), aStep(run, 'other')];

    const flushed = await Promise.all(
      [one, other].map((step) => writer.durable(anEffect(run, step, 'cc'))),
    );

    assert.deepEqual(
      flushed.map(({ newEffects }) => [...newEffects]),
      [['cc'.repeat(32)], []],
    );
    assert.equal(writer.journal.counts.flushes, 1);
  });

  it('says which effects nobody had recorded before, and keeps the first', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
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

    const first = await writer.durable(effect('aa', '01'));
    const again = await writer.durable(effect('aa', '02'));
    await writer.durable({
      run,
      step,
      effectEnds: [{ key: 'aa'.repeat(32), state: 'applied', outcome: { n: 1 } }],
    });

    assert.deepEqual([...first.newEffects], ['aa'.repeat(32)]);
    assert.deepEqual([...again.newEffects], []);
    const { ageMs = -1, ...known } = (await store.effect(1, 'aa'.repeat(32))) ?? assert.fail();
    assert.deepEqual(known, {
      ...{ state: 'applied', argsSha256: '01', contract: '00', binds: null },
      outcome: { n: 1 },
    });
    assert.ok(ageMs >= 0 && ageMs < 10_000);
    assert.equal(await store.effect(1, 'bb'.repeat(32)), null);
  });

  it('takes the later word of two that tell the end of one effect at the same time, and no claim beside them', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const step = run.steps[0] as Step;
    const key = 'cc'.repeat(32);
    await writer.durable(anEffect(run, step, 'cc'));
    const end = (n: number) => ({ key, state: 'applied' as const, outcome: { n } });
    const claim = { approval: newId(), seq: nextEntry(run, { step, kind: 'x', data: {} }).seq };

    // The first goes down alone; the others gather meanwhile, and are one flush.
    const all = [
      writer.durable({ run, step, effectEnds: [end(1)] }),
      writer.durable({ run, step, effectEnds: [{ ...end(2), state: 'started', claim }] }),
      writer.durable({ run, step, effectEnds: [end(3)] }),
      writer.durable({ run, step, effectEnds: [end(4)] }),
    ];
    const told = await Promise.all(all);

    assert.deepEqual(
      told.map(({ newEffects }) => [...newEffects]),
      [[], [], [], []],
    );
    assert.deepEqual((await store.effect(1, key))?.outcome, { n: 4 });
  });
});

/** The intent of an effect whose key repeats `byte`. */
function anEffect(run: Run, step: Step, byte: string): Change {
  const entry = nextEntry(run, { step, kind: 'effect.started', data: {} });
  const row = {
    key: byte.repeat(32),
    seq: entry.seq,
    tool: 'lab.t',
    contract: '00',
    duty: null,
    entity: null,
    targetId: null,
    argsSha256: '01',
    binds: null,
    state: 'started',
  };
  return { run, step, entries: [entry], effects: [row] };
}
