import assert from 'node:assert/strict';
import type pg from 'pg';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import { type FlushRow, flushSql } from '../../../core/engine/journal/flush.ts';
import { FlushWriter, stepRows } from '../../../core/engine/journal/flush-rows.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { aCall, Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

/** The statement itself, sent by hand: what it writes, and what it leaves alone. */
describe('the statement of a flush', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let writer: Writer;
  let run: Run;
  let step: Step;
  let sent = 0;
  // One for all: what one flush has left is in none that follow.
  const flushes = new FlushWriter();

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    writer = await Writer.open(fresh.database, pool);
  });

  beforeEach(async () => {
    run = await writer.run();
    step = run.steps[0] as Step;
  });

  after(function () {
    return fresh.drop(this);
  });

  async function send(change: Omit<Change, 'run' | 'step'> = {}, no = sent + 1): Promise<FlushRow> {
    const changes = [{ run, step, ...change }];
    const values = [
      writer.lease.boot,
      no - 1,
      no,
      ...flushes.parameters(changes, stepRows(changes)),
    ];
    const { rows } = await pool.query<FlushRow>(flushSql, values);
    sent = no;
    return rows[0] as FlushRow;
  }

  async function stored(): Promise<{ readonly status: string; readonly attempt: number }> {
    const [row] = await writer.rowsOf<{ status: string; attempt: number }>('step', run);
    return { status: row?.status ?? '', attempt: row?.attempt ?? -1 };
  }

  it('leaves a step that has ended as it ended', async () => {
    Object.assign(step, { status: 'succeeded', attempt: 1, endedAt: 1_000 });
    await send();
    Object.assign(step, { status: 'failed', endedAt: 2_000 });

    const answer = await send();

    assert.equal(answer.steps, 0);
    assert.deepEqual(await stored(), { status: 'succeeded', attempt: 1 });
  });

  it('leaves a step alone of which it knows a later attempt', async () => {
    Object.assign(step, { status: 'running', attempt: 2 });
    await send();
    Object.assign(step, { status: 'waiting', attempt: 1 });

    const answer = await send();

    assert.equal(answer.steps, 0);
    assert.deepEqual(await stored(), { status: 'running', attempt: 2 });
  });

  it('writes a flush once, however often it is sent, and none after its successor', async () => {
    const note = () => [nextEntry(run, { step, kind: 'note', data: {} })];
    const first = await send({ entries: note() });
    const number = sent;
    const second = await send({ entries: note() });

    const again = await send({ entries: note() }, number);
    sent = number + 1;

    assert.deepEqual([first.marked, second.marked, again.marked], [1, 1, 0]);
    assert.equal((await writer.rowsOf('entry', run)).length, 2);
  });

  it('writes nothing for an engine that was taken over from', async () => {
    const setState = (state: string) =>
      pool.query('UPDATE tutti.engine SET state = $2 WHERE id = $1', [writer.lease.boot, state]);
    const before = sent;
    await setState('gone');

    const entries = [nextEntry(run, { step, kind: 'note', data: {} })];
    const answer = await send({ entries, runStatus: 'failed' });
    await setState('alive');
    sent = before;

    assert.deepEqual([answer.alive, answer.marked, answer.steps], [0, 0, 0]);
    assert.deepEqual(await writer.rowsOf('entry', run), []);
    assert.deepEqual(await writer.rowsOf('step', run), []);
    const [row] = await writer.rowsOf<{ status: string }>('run', run);
    assert.equal(row?.status, 'running');
  });

  it('reserves exactly what a purse has left, and not a micro-dollar more', async () => {
    const period = '2026-07-15';
    await new Store(pool).openBudgets(1, [{ scope: 'tenant', limitMicroUsd: 100 }], period);
    const reserving = (reserve: number) => aCall(run, step, { period, reserve });

    const answers = [
      await send(reserving(60)),
      await send(reserving(40)),
      await send(reserving(1)),
    ];

    assert.deepEqual(
      answers.map(({ refused }) => refused?.length ?? 0),
      [0, 0, 1],
    );
  });
});
