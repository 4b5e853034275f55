import assert from 'node:assert/strict';
import pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import { noDay } from '../../../core/engine/limits/purse.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { aCall, aNote, Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase, testServer } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const period = '2026-06-30';
const workflow = 'lab';

/** Money that one engine settles while another one comes to own the run, and money whose record is refused. */
describe('what a model call has reserved', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let store: Store;
  /** Holds the locks that others are made to wait for. */
  let locker: pg.Client;
  /** Sees what all backends do. */
  let admin: pg.Client;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 6);
    store = new Store(pool);
    const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
    const { server } = await testServer();
    const target = { ...server.connection, database: rows[0]?.name ?? '' };
    [locker, admin] = [new pg.Client(target), new pg.Client(target)];
    await Promise.all([locker.connect(), admin.connect()]);
    await store.openBudgets(1, [{ scope: 'tenant', limitMicroUsd: 1_000_000 }], period);
  });

  beforeEach(() =>
    pool.query('UPDATE tutti.budget SET reserved_micro_usd = 0, settled_micro_usd = 0'),
  );

  afterEach(() => locker.query('ROLLBACK'));

  after(async function () {
    await Promise.all([locker.end(), admin.end()]);
    await fresh.drop(this);
  });

  /** The end of the call that a run's last entry began. */
  function itsEnd(run: Run): Change {
    const step = run.steps[0] as Step;
    const { seq } = run;
    const row = { seq, model: 'm', priceVersion: 1, reservedMicroUsd: 60, tokens: null } as const;
    return {
      run,
      step,
      entries: [nextEntry(run, { step, kind: 'turn.ended', data: {} })],
      settles: [{ ...row, state: 'settled', costMicroUsd: 7 }],
      money: { purses: [`${period} 1 tenant`], reserve: 0, release: 60, settle: 7 },
    };
  }

  const aReservation = (run: Run): Change =>
    aCall(run, run.steps[0] as Step, { period, reserve: 60 });

  async function purse(): Promise<unknown> {
    const { rows } = await pool.query(
      'SELECT reserved_micro_usd AS reserved, settled_micro_usd AS settled FROM tutti.budget',
    );
    return rows[0];
  }

  async function states(writer: Writer, run: Run): Promise<readonly string[]> {
    return (await writer.rowsOf<{ state: string }>('ledger', run)).map(({ state }) => state);
  }

  async function ownerOf(run: Run): Promise<string | null> {
    const { rows } = await pool.query<{ owner: string | null }>(
      'SELECT owner FROM tutti.run WHERE id = $1',
      [run.facts.id],
    );
    return rows[0]?.owner ?? null;
  }

  /** Backends that wait for a lock of somebody else. */
  async function waiting(): Promise<number> {
    const { rowCount } = await admin.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rowCount ?? 0;
  }

  const late = (boot: string) =>
    pool.query(`UPDATE tutti.engine SET lease_until = now() - interval '1 s' WHERE id = $1`, [
      boot,
    ]);

  it('is settled by a flush under way, or by the next owner: an engine that gives its runs up waits for it', async () => {
    verifies('R9.one-writer');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    await writer.durable(aReservation(run));
    await locker.query('BEGIN; SELECT FROM tutti.budget FOR UPDATE');

    const settled = writer.durable(itsEnd(run));
    await eventually(async () => (await waiting()) === 1);
    let isFree = false;
    const released = writer.lease.release().then(() => {
      isFree = true;
    });
    await eventually(async () => isFree || (await waiting()) === 2);
    const meanwhile = await ownerOf(run);
    await locker.query('COMMIT');
    await Promise.all([settled, released]);

    assert.equal(meanwhile, writer.lease.boot);
    assert.equal(await ownerOf(run), null);
    assert.deepEqual(await states(writer, run), ['settled']);
  });

  it('of a run that was claimed while its engine gave up is not left to nobody', async () => {
    verifies('R9.take-over');
    const writer = await Writer.open(fresh.database, pool);
    const { boot } = writer.lease;
    const run = await writer.run();
    await pool.query('UPDATE tutti.run SET owner = NULL WHERE id = $1', [run.facts.id]);
    const claiming = await fresh.database.connect('tutti_engine');

    // A claim whose answer nobody waits for any more.
    await claiming.query('BEGIN');
    await claiming.query(`SELECT FROM tutti.engine WHERE id = $1 FOR KEY SHARE`, [boot]);
    await claiming.query('UPDATE tutti.run SET owner = $1 WHERE id = $2', [boot, run.facts.id]);
    const released = writer.lease.release();
    await eventually(async () => (await waiting()) === 1);
    await claiming.query('COMMIT');
    await claiming.end();
    await released;

    assert.equal(await ownerOf(run), null);
  });

  it('is not settled by an engine that stood still since its claim, while its successor makes the call', async () => {
    verifies('R9.one-writer', 'R7.orphan');
    const [zombie, owner] = [
      await Writer.open(fresh.database, pool),
      await Writer.open(fresh.database, pool),
    ];
    const run = await zombie.run();
    const row = { tenant_id: 1, id: run.facts.id, workflow };
    await late(zombie.lease.boot);
    await owner.lease.takeOver();
    await pool.query('UPDATE tutti.run SET owner = $1 WHERE id = $2', [owner.lease.boot, row.id]);
    await owner.durable(aReservation(run));

    const upToSeq = await store.lastSeq(row);
    await store.settleOrphans(row, { boot: zombie.lease.boot, upToSeq });
    await store.endRun(row, zombie.lease.boot, {
      status: 'failed',
      entries: [{ kind: 'run.ended', data: {} }],
    });
    const meanwhile = await states(owner, run);
    await owner.durable(itsEnd(run));

    assert.deepEqual([meanwhile, await ownerOf(run)], [['reserved'], owner.lease.boot]);
    assert.deepEqual(await states(owner, run), ['settled']);
    assert.deepEqual(await purse(), { reserved: 0, settled: 7 });
  });

  it('is not settled by a statement about an older call that arrives late', async () => {
    verifies('R7.orphan');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const row = { tenant_id: 1, id: run.facts.id, workflow };
    const upToSeq = await store.lastSeq(row);
    await writer.durable(aReservation(run));

    await store.settleOrphans(row, { boot: writer.lease.boot, upToSeq });

    assert.deepEqual(await states(writer, run), ['reserved']);
    assert.deepEqual(await purse(), { reserved: 60, settled: 0 });
  });

  it('is settled by the next owner in the order in which flushes lock purses, so that neither waits for the other', async () => {
    verifies('R7.orphan');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    await writer.durable(aReservation(run));
    const above = Array.from({ length: 30 }, () => newId());
    const purses = above.map((id) => ({ scope: `run:${id}`, limitMicroUsd: 1_000 }));
    await store.openBudgets(1, purses, noDay);
    const pins = { purses: Object.fromEntries(above.map((id) => [id, 1_000])) };
    const row = { tenant_id: 1, id: run.facts.id, workflow, pins } as Parameters<
      Store['settleOrphans']
    >[0];
    const ofRuns = `FROM tutti.budget WHERE period = '${noDay}'`;

    // A flush that has come as far as its first purse.
    await locker.query(`BEGIN; SELECT ${ofRuns} ORDER BY scope LIMIT 1 FOR NO KEY UPDATE`);
    const settled = store.settleOrphans(row, { boot: writer.lease.boot, upToSeq: run.seq });
    await eventually(async () => (await waiting()) === 1);
    await locker.query(`SELECT ${ofRuns} ORDER BY scope FOR NO KEY UPDATE NOWAIT`);
    await locker.query(`UPDATE tutti.budget SET settled_micro_usd = 5 WHERE period = '${noDay}'`);
    await locker.query('COMMIT');
    await settled;

    const { rows } = await pool.query(
      `SELECT settled_micro_usd AS settled, count(*)::int AS purses ${ofRuns} GROUP BY 1`,
    );
    await pool.query(`DELETE ${ofRuns}`);
    assert.deepEqual(rows, [{ settled: 65, purses: above.length }]);
    assert.deepEqual(await states(writer, run), ['estimated']);
  });

  it('is settled although the database refuses the record of its end', async () => {
    verifies('R8.isolation');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    await writer.durable(aReservation(run));
    const end = itsEnd(run);
    Object.assign(run.steps[0] as Step, { status: 'lost' });

    writer.journal.write(end);
    await writer.journal.settled();

    assert.equal(writer.rejected.length, 1);
    assert.deepEqual(await states(writer, run), ['settled']);
    assert.deepEqual(await purse(), { reserved: 0, settled: 7 });
  });

  it('is given back with the first part of a flush that goes down in several: a later one may follow the end of its run', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const notes = await writer.run();
    const reservation = aReservation(run);
    const { settles, money } = itsEnd(run);
    await locker.query('BEGIN; SELECT FROM tutti.budget FOR UPDATE');

    writer.journal.write(reservation, () =>
      writer.journal.write({ run, step: null, ...(settles && money && { settles, money }) }),
    );
    await eventually(async () => (await waiting()) === 1);
    for (let note = 0; note < 1_001; note += 1) writer.journal.write(aNote(notes));
    await locker.query('COMMIT');
    await writer.journal.settled();

    const { rows } = await pool.query(
      `SELECT (SELECT xmin FROM tutti.ledger WHERE run_id = $1) = (SELECT xmin FROM tutti.entry WHERE run_id = $2 ORDER BY seq LIMIT 1) AS together`,
      [run.facts.id, notes.facts.id],
    );
    assert.deepEqual([await states(writer, run), rows], [['settled'], [{ together: true }]]);
  });

  it('is refused once, and not for ever, where the money itself is what the database refuses', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    await writer.durable(aReservation(run));
    const end = itsEnd(run);
    const [row] = end.settles ?? [];

    writer.journal.write({ ...end, settles: [{ ...row, state: 'lost' } as never] });
    await writer.journal.settled();

    assert.deepEqual([writer.rejected.length, writer.failures], [2, []]);
    assert.deepEqual(await states(writer, run), ['reserved']);
  });

  it('stops an engine that finds its name used by another process, and both when it gives the name up', async () => {
    verifies('R9.one-writer');
    const original = await Writer.open(fresh.database, pool);
    const run = await original.run();
    const copy = original.copy();
    await original.durable(aReservation(run));
    const told: string[] = [];

    copy.journal.write(itsEnd(run), () => told.push('its copy'));
    await copy.journal.settled();
    await copy.lease.release();
    original.journal.write(itsEnd(run), () => told.push('the original'));
    await original.journal.settled();

    assert.deepEqual(
      [copy.failures, original.failures].map((failures) => failures.map(({ code }) => code)),
      [['ENGINE_COPIED'], ['ENGINE_FENCED']],
    );
    assert.deepEqual([told, await ownerOf(run)], [[], null]);
    assert.deepEqual(await states(original, run), ['reserved']);
  });
});
