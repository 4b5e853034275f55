import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { Lease } from '../../../core/engine/lease/lease.ts';
import { briefFlags } from '../../support/brief-flags.ts';
import { eventually } from '../../support/eventually.ts';
import type { HolderWord } from '../../support/fixtures/lease-holder.ts';
import { asAdmin, type FreshDatabase, freshDatabase, testServer } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

// Three renewals, each of which may wait for its turn on a busy machine.
const leaseMs = 3_000;

describe('Lease', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let heir: Lease;
  const children = new Set<ChildProcess>();

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    heir = new Lease(pool, 'test');
    await heir.take();
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await pool.query(`UPDATE tutti.engine SET state = 'gone' WHERE id <> $1`, [heir.boot]);
  });

  after(function () {
    return fresh.drop(this);
  });

  /** An engine's lease in a process of its own, and what it says. */
  async function aHolder(lease = leaseMs) {
    const fixture = join(import.meta.dirname, '../../support/fixtures/lease-holder.ts');
    const child = fork(fixture, [fresh.url, String(lease)], { execArgv: [...briefFlags] });
    children.add(child);
    const words: HolderWord[] = [];
    child.on('message', (word: HolderWord) => words.push(word));
    const said = <K extends HolderWord['kind']>(kind: K) =>
      eventually(() => words.find((word) => word.kind === kind)) as Promise<
        HolderWord & { readonly kind: K }
      >;
    const { boot, runId } = await said('ready');
    return { child, said, words, boot, runId };
  }

  async function entries(runId: string): Promise<number> {
    const { rowCount } = await pool.query('SELECT FROM tutti.entry WHERE run_id = $1', [runId]);
    return rowCount ?? 0;
  }

  async function leaseUntil(boot: string): Promise<Date> {
    const { rows } = await pool.query<{ lease_until: string }>(
      'SELECT lease_until FROM tutti.engine WHERE id = $1',
      [boot],
    );
    return new Date(rows[0]?.lease_until ?? 0);
  }

  it('is kept by its thread for longer than it lasts, also when the connection of the thread is killed', async () => {
    verifies('R2.heartbeat');
    const holder = await aHolder();
    const first = await leaseUntil(holder.boot);
    const { server } = await testServer();

    await asAdmin(
      server,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'UPDATE tutti.engine SET lease_until%'`,
    );
    await eventually(
      async () => (await leaseUntil(holder.boot)).getTime() > first.getTime() + leaseMs,
    );

    assert.equal(await heir.takeOver(), 0);
  });

  it('lets a process that was stopped for longer write nothing more, and hold nothing when it goes on', async () => {
    verifies('R9.one-writer', 'R9.take-over');
    const { child, said, words, runId } = await aHolder();
    await eventually(async () => (await entries(runId)) > 5);

    child.kill('SIGSTOP');
    await eventually(async () => (await heir.takeOver()) > 0);
    const written = await entries(runId);
    words.length = 0;
    child.kill('SIGCONT');
    const [woke, fenced] = [await said('woke'), await said('fenced')];

    assert.equal(woke.isHeld, false);
    assert.deepEqual([fenced.code, fenced.isHeld], ['ENGINE_FENCED', false]);
    assert.equal(await entries(runId), written);
  });

  it('is lost by a process whose main loop is blocked, though its thread lives', async () => {
    verifies('R2.heartbeat');
    const { child, said, runId } = await aHolder();

    child.send(3 * leaseMs);
    await eventually(async () => (await heir.takeOver()) > 0);
    const written = await entries(runId);
    const fenced = await said('fenced');

    assert.equal(fenced.code, 'ENGINE_FENCED');
    assert.equal(await entries(runId), written);
  });

  it('of a process that was killed is taken over at once', async () => {
    const { child } = await aHolder(60_000);
    const gone = once(child, 'exit');

    assert.equal(await heir.takeOver(), 0);
    child.kill('SIGKILL');
    await gone;

    // A backend that has not heard of it may keep the row for a moment.
    await eventually(async () => (await heir.takeOver()) === 1);
  });

  it('keeps no process alive', async () => {
    const fixture = join(import.meta.dirname, '../../support/fixtures/lease-holder.ts');
    const child = fork(fixture, [fresh.url, '60000', 'idle'], { execArgv: [...briefFlags] });
    children.add(child);
    child.disconnect();

    const [code] = await once(child, 'exit');

    assert.equal(code, 0);
  });

  it('claims nothing more once it drains, and is given up once', async () => {
    const lease = new Lease(pool, 'test');
    await lease.take();
    await lease.drain();
    const { rows } = await pool.query('SELECT state FROM tutti.engine WHERE id = $1', [lease.boot]);

    await lease.renew();
    await lease.release();

    assert.deepEqual(rows, [{ state: 'draining' }]);
    assert.equal(lease.isHeld, false);
    await assert.rejects(lease.renew(), { code: 'ENGINE_FENCED' });
  });

  describe('of another process on this host', () => {
    async function anEngine(process: string | null, pid: number): Promise<string> {
      const id = newId();
      await pool.query(
        `INSERT INTO tutti.engine (id, host, pid, pid_started, process, version, reads_journal_v, lease_until)
         VALUES ($1, $2, $3, now(), $4, 'test', int4range(1, 3), now() + interval '1 hour')`,
        [id, hostname(), pid, process],
      );
      return id;
    }

    async function stateOf(id: string): Promise<string | undefined> {
      const { rows } = await pool.query<{ state: string }>(
        'SELECT state FROM tutti.engine WHERE id = $1',
        [id],
      );
      return rows[0]?.state;
    }

    async function ownMark(): Promise<string> {
      const { rows } = await pool.query<{ process: string }>(
        'SELECT process FROM tutti.engine WHERE id = $1',
        [heir.boot],
      );
      return rows[0]?.process ?? '';
    }

    it('is over when its number belongs to a process that started at another time', async function () {
      if (process.platform !== 'linux') this.skip();
      const mark = await ownMark();
      const [same, reused] = [
        await anEngine(mark, process.pid),
        await anEngine(mark.replace(/\d+$/, '1'), process.pid),
      ];

      await heir.takeOver();

      assert.deepEqual([await stateOf(same), await stateOf(reused)], ['alive', 'gone']);
    });

    it('stands when its number means nothing here: another kernel or container has the same name', async function () {
      if (process.platform !== 'linux') this.skip();
      const elsewhere = await anEngine(`${newId()} pid:[1] 77`, 2 ** 22 + 1);
      const unmarked = await anEngine(null, 2 ** 22 + 1);

      await heir.takeOver();

      assert.deepEqual([await stateOf(elsewhere), await stateOf(unmarked)], ['alive', 'gone']);
    });
  });
});
