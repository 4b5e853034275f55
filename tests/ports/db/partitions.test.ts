import assert from 'node:assert/strict';
import { v7 } from 'uuid';
import {
  dropPartition,
  ensurePartitions,
  listPartitions,
  monthOf,
} from '../../../core/ports/db/partitions.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('partitions that are dropped', function () {
  this.timeout(180_000);
  const april = Date.UTC(2019, 3);
  const month = monthOf(new Date(april));
  let fresh: FreshDatabase;

  beforeEach(async () => {
    fresh = await freshDatabase();
    await fresh.database.ensurePartitions(new Date(april));
  });
  afterEach(function () {
    return fresh.drop(this);
  });

  /** Writes an entry of a run of a moment; returns the run's id. */
  async function anEntry(ms: number): Promise<string> {
    const runId = v7({ msecs: ms });
    const entry = { tenantId: 1, runId, seq: 1, kind: 'told', data: '{"n":1}' };
    await fresh.database.kysely('tutti_engine').insertInto('entry').values(entry).execute();
    return runId;
  }

  const entries = async () => {
    const query = fresh.database.kysely('tutti_engine').selectFrom('entry');
    return (await query.selectAll().orderBy('runId').execute()).map(({ runId, data }) => [
      runId,
      data,
    ]);
  };

  it('are listed by month and table, oldest first, with their size', async () => {
    await anEntry(april + 1);

    const found = await fresh.database.admin(listPartitions);

    assert.deepEqual(
      found.slice(0, 5).map(({ table, month: { name } }) => `${table} ${name}`),
      ['attempt', 'entry', 'payload', 'step']
        .map((table) => `${table} y2019m04`)
        .concat('attempt y2019m05'),
    );
    assert.deepEqual(found[0]?.month, month);
    assert.ok((found[1]?.sizeBytes ?? 0) > (found[5]?.sizeBytes ?? 0));
  });

  it('leave what is kept and every other month as they were', async () => {
    const kept = await anEntry(april);
    await anEntry(april + 1);
    const may = await anEntry(Date.UTC(2019, 4));

    await fresh.database.admin((client) =>
      dropPartition(client, { table: 'entry', month }, [kept]),
    );

    assert.deepEqual(await entries(), [
      [kept, { n: 1 }],
      [may, { n: 1 }],
    ]);
    const names = (await fresh.database.admin(listPartitions)).map(
      ({ table, month: { name } }) => `${table}_${name}`,
    );
    assert.ok(!names.includes('entry_y2019m04') && names.includes('step_y2019m04'));
    const late = await anEntry(april + 2);
    assert.ok(
      (await entries()).some(([runId]) => runId === late),
      'a late row is not refused',
    );
  });

  it('are made when a reader has let go, and until then keep nobody waiting', async () => {
    const january = new Date(Date.UTC(2018, 0));
    const reader = await fresh.database.connect('tutti_engine');
    await reader.query('BEGIN; SELECT FROM tutti.payload');

    const isDone = await fresh.database.admin((client) => ensurePartitions(client, january));

    assert.equal(isDone, false);
    await reader.query('COMMIT');
    await fresh.database.ensurePartitions(january);
    const made = await fresh.database.admin(listPartitions);
    const payloads = made.filter(({ table }) => table === 'payload');
    assert.deepEqual(
      payloads.slice(0, 3).map(({ month: { name } }) => name),
      ['y2018m01', 'y2018m02', 'y2018m03'],
    );
  });

  it('stay whole when a reader does not let go, and answer soon', async () => {
    const runId = await anEntry(april);
    const reader = await fresh.database.connect('tutti_engine');
    await reader.query('BEGIN; SELECT FROM tutti.entry');
    const started = performance.now();

    const dropped = fresh.database.admin((client) =>
      dropPartition(client, { table: 'entry', month }, []),
    );

    await assert.rejects(dropped, { code: '55P03' });
    assert.ok(performance.now() - started < 20_000);
    await reader.query('COMMIT');
    assert.deepEqual(await entries(), [[runId, { n: 1 }]]);
  });
});
