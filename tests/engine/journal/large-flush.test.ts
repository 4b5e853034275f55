import assert from 'node:assert/strict';
import type pg from 'pg';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import { aStep, Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

describe('a large flush', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });

  after(function () {
    return fresh.drop(this);
  });

  it('writes more than a thousand changes at once, steps that end among them, each once', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
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
    assert.equal((await writer.rowsOf('step', run)).length, 700);
    assert.equal((await writer.rowsOf('entry', run)).length, 700);
  });

  it('tells whoever waits for the beginning of much before its end is down', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const told: number[] = [];

    for (let index = 0; index < 2_500; index += 1)
      writer.journal.write({ run, step: null }, () => told.push(writer.journal.counts.flushes));
    await writer.journal.settled();

    assert.deepEqual([told[0], told[999], told[1_000], told[2_499]], [1, 1, 2, 3]);
  });

  it('ends a run after all that has gathered of it: whoever went on with it would not', async () => {
    verifies('R9.events');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const told: string[] = [];

    for (let index = 0; index < 500; index += 1)
      writer.journal.write({ run, step: aStep(run, `before${index}`) });
    writer.journal.write({ run, step: null, runStatus: 'cancelled' }, () => told.push('ended'));
    for (let index = 0; index < 1_500; index += 1)
      writer.journal.write({ run, step: aStep(run, `after${index}`) }, () => told.push('step'));
    await writer.journal.settled();

    assert.deepEqual([told.length, told.at(-1)], [1_501, 'ended']);
    const { rows } = await pool.query(
      `SELECT count(*)::int AS late FROM tutti.step s JOIN tutti.run r ON r.id = s.run_id WHERE r.id = $1 AND s.xmin::text::bigint > r.xmin::text::bigint`,
      [run.facts.id],
    );
    assert.deepEqual(rows, [{ late: 0 }]);
  });

  it('writes all of a step with its row: what gathers of it, however far apart, goes down together', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const step = aStep(run, 'apart');
    const write = (kind: string) =>
      writer.journal.write({ run, step, entries: [nextEntry(run, { step, kind, data: {} })] });

    write('step.started');
    for (let index = 1; index < 2_500; index += 1) writer.journal.write({ run, step: null });
    Object.assign(step, { status: 'succeeded', attempt: 1, endedAt: 1 });
    write('step.succeeded');
    for (let index = 0; index < 100; index += 1) writer.journal.write({ run, step: null });
    await writer.journal.settled();

    const { rows } = await pool.query(
      `SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS transactions
       FROM (SELECT xmin FROM tutti.entry WHERE run_id = $1 UNION ALL SELECT xmin FROM tutti.step WHERE run_id = $1) t`,
      [run.facts.id],
    );
    assert.deepEqual(rows, [{ rows: 3, transactions: 1 }]);
    assert.deepEqual([writer.journal.counts.flushes, writer.failures], [2, []]);
  });
});
