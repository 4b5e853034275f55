import assert from 'node:assert/strict';
import pg from 'pg';
import { nextEntry } from '../../../core/engine/journal/entries.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { aNote, Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase, testServer } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const period = '2026-06-30';

describe('Journal that loses its connection', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let proxy: ChaosProxy;
  /** Sees what all backends do. */
  let admin: pg.Client;
  /** Holds the lock that a flush is made to wait for. */
  let locker: pg.Client;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    const { server } = await testServer();
    const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
    const target = { ...server.connection, database: rows[0]?.name ?? '' };
    proxy = await ChaosProxy.open(target);
    admin = new pg.Client(target);
    locker = new pg.Client(target);
    await Promise.all([admin.connect(), locker.connect()]);
    await new Store(pool).openBudgets(1, [{ scope: 'tenant', limitMicroUsd: 1_000_000 }], period);
  });

  beforeEach(async () => {
    await pool.query('UPDATE tutti.budget SET reserved_micro_usd = 0, settled_micro_usd = 0');
    await pool.query('DELETE FROM tutti.effect');
  });

  afterEach(() => proxy.restore());

  after(async function () {
    await proxy[Symbol.asyncDispose]();
    await Promise.all([admin.end(), locker.end()]);
    await fresh.drop(this);
  });

  /** A call that is permitted, an effect that is begun and an attempt that ends, all in one change. */
  function everything(run: Run, key: string): Change {
    const step = run.steps[0] as Step;
    const attempt = run.seq + 1;
    const turn = nextEntry(run, { step, kind: 'turn.started', data: {} });
    const effect = nextEntry(run, { step, kind: 'effect.started', data: {} });
    const started = { tool: 'lab.t', contract: '00', duty: null, entity: null, targetId: null };
    return {
      run,
      step,
      entries: [turn, effect],
      turns: [
        {
          call: { phase: 'gathered', isAbandoned: false },
          seq: turn.seq,
          model: 'm',
          priceVersion: 1,
          reservedMicroUsd: 60,
          simulated: false,
        },
      ],
      money: { purses: [`${period} 1 tenant`], reserve: 60, release: 0, settle: 0 },
      effects: [
        {
          ...started,
          key: key.repeat(32),
          seq: effect.seq,
          argsSha256: '01',
          binds: null,
          state: 'started',
        },
      ],
      attempts: [
        {
          no: attempt,
          worker: 'w',
          startedAt: 1,
          endedAt: 2,
          outcome: 'succeeded',
          error: null,
          turns: 1,
        },
      ],
    };
  }

  async function stored(writer: Writer, run: Run): Promise<readonly number[]> {
    const counts = await Promise.all(
      (['entry', 'ledger', 'attempt'] as const).map(
        async (table) => (await writer.rowsOf(table, run)).length,
      ),
    );
    const { rows } = await pool.query<{ reserved: number; effects: number }>(
      'SELECT reserved_micro_usd AS reserved, (SELECT count(*)::int FROM tutti.effect) AS effects FROM tutti.budget WHERE tenant_id = 1',
    );
    return [...counts, rows[0]?.effects ?? -1, rows[0]?.reserved ?? -1];
  }

  /** Begins what `write` writes and does `work` while its flush waits, half done, for the run's next entry. */
  async function whileBlocked<T>(
    run: Run,
    write: () => Promise<T>,
    work: (pid: number) => Promise<unknown>,
  ): Promise<T> {
    await locker.query('BEGIN');
    await locker.query(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, kind) VALUES (1, $1, $2, 'note')`,
      [run.facts.id, run.seq + 1],
    );
    const { rows } = await locker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const written = write();
    try {
      await work(await eventually(async () => (await waitingFor(rows[0]?.pid ?? 0))[0]));
    } finally {
      await locker.query('ROLLBACK');
    }
    return written;
  }

  /** The backends that wait for a lock of `pid`. */
  async function waitingFor(pid: number): Promise<readonly number[]> {
    const { rows } = await admin.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
      [pid],
    );
    return rows.map((row) => row.pid);
  }

  /** The backend whose last statement was a flush. */
  async function idleJournal(): Promise<number> {
    const { rows } = await admin.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE '%fence AS MATERIALIZED%'`,
    );
    return rows[0]?.pid ?? assert.fail('no journal is connected');
  }

  async function isThere(pid: number): Promise<boolean> {
    const { rowCount } = await admin.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
    return rowCount === 1;
  }

  const kill = (pid: number) => admin.query('SELECT pg_terminate_backend($1)', [pid]);

  it('sends a flush again whose backend was killed before it committed', async () => {
    verifies('R8.crash');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();

    const flushed = await whileBlocked(run, () => writer.durable(everything(run, 'aa')), kill);

    assert.deepEqual([flushed.admitted, [...flushed.newEffects]], [true, ['aa'.repeat(32)]]);
    assert.deepEqual(await stored(writer, run), [2, 1, 1, 1, 60]);
    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
    assert.deepEqual(writer.failures, []);
  });

  it('reads back what a flush brought whose answer was lost after its commit', async () => {
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    const run = await writer.run();
    await writer.journal.open();
    proxy.mute();

    const durable = writer.durable(everything(run, 'bb'));
    await eventually(async () => (await writer.rowsOf('entry', run)).length > 0);
    proxy.drop();
    const flushed = await durable;
    await writer.durable(aNote(run));

    assert.deepEqual([flushed.admitted, [...flushed.newEffects]], [true, ['bb'.repeat(32)]]);
    assert.deepEqual(await stored(writer, run), [3, 1, 1, 1, 60]);
    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
  });

  it('reads back that a budget did not admit a call, and that an effect was known', async () => {
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    const run = await writer.run();
    await writer.durable(everything(run, 'cc'));
    await pool.query('UPDATE tutti.budget SET reserved_micro_usd = limit_micro_usd');
    proxy.mute();

    const durable = writer.durable(everything(run, 'cc'));
    await eventually(async () => (await writer.rowsOf('attempt', run)).length > 1);
    proxy.drop();
    const flushed = await durable;

    assert.deepEqual([flushed.admitted, [...flushed.newEffects]], [false, []]);
    assert.deepEqual(await stored(writer, run), [3, 1, 2, 1, 1_000_000]);
  });

  it('waits for a flush that goes on without its connection, and writes it no second time', async () => {
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    const run = await writer.run();

    const flushed = await whileBlocked(
      run,
      () => writer.durable(everything(run, 'dd')),
      (first) => {
        proxy.drop();
        return eventually(async () => (await waitingFor(first)).length > 0);
      },
    );

    assert.deepEqual([flushed.admitted, [...flushed.newEffects]], [true, ['dd'.repeat(32)]]);
    assert.deepEqual(await stored(writer, run), [2, 1, 1, 1, 60]);
  });

  it('writes nothing when a flush that was thought lost arrives after its successors', async () => {
    const options = { connection: proxy.connection, queryTimeoutMs: 2_000 };
    const writer = await Writer.open(fresh.database, pool, options);
    const run = await writer.run();
    await writer.durable(aNote(run));
    const old = await idleJournal();
    proxy.freeze('open');

    const flushed = await writer.durable(everything(run, 'ee'));
    await writer.durable(everything(run, 'ff'));
    const before = await stored(writer, run);
    proxy.restore();
    await eventually(async () => !(await isThere(old)));

    assert.deepEqual([...flushed.newEffects], ['ee'.repeat(32)]);
    assert.deepEqual(before, [5, 2, 2, 2, 120]);
    assert.deepEqual(await stored(writer, run), before);
    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
  });

  it('still drops only the rows that the database refuses, after an outage in the middle of finding them', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const [run, beside] = [await writer.run(), await writer.run()];
    Object.assign(run.steps[0] as Step, { status: 'lost' });

    await whileBlocked(
      beside,
      () => {
        writer.journal.write({ run, step: run.steps[0] as Step });
        return writer.durable(everything(beside, 'ab'));
      },
      kill,
    );

    assert.equal(writer.rejected.length, 1);
    assert.deepEqual(await stored(writer, beside), [2, 1, 1, 1, 60]);
    assert.deepEqual(writer.failures, []);
  });

  it('misses an idle connection at once, and is back by itself', async () => {
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    await writer.journal.open();

    proxy.cut();
    await eventually(() => writer.journal.isAway);
    proxy.restore();
    await eventually(() => !writer.journal.isAway);

    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
  });

  it('closes while the database is away, within its patience, and tells nobody that anything is durable', async () => {
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    const run = await writer.run();
    await writer.durable(aNote(run));
    let told = 0;
    proxy.freeze('all');
    writer.journal.write(aNote(run), () => {
      told += 1;
    });

    const began = performance.now();
    await writer.journal.close(300);
    const tookMs = performance.now() - began;

    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.equal(told, 0);
    assert.deepEqual(writer.failures, []);
  });

  it('ends for good when another engine has taken over meanwhile', async () => {
    verifies('R9.one-writer');
    const writer = await Writer.open(fresh.database, pool, { connection: proxy.connection });
    const run = await writer.run();
    await writer.durable(aNote(run));
    proxy.cut();
    writer.journal.write(aNote(run));
    await eventually(() => writer.journal.isAway);

    await pool.query(`UPDATE tutti.engine SET state = 'gone' WHERE id = $1`, [writer.lease.boot]);
    proxy.restore();
    await writer.journal.settled();

    assert.deepEqual(
      writer.failures.map(({ code }) => code),
      ['ENGINE_FENCED'],
    );
    assert.equal(writer.lease.isHeld, false);
    assert.equal((await writer.rowsOf('entry', run)).length, 1);
  });
});
