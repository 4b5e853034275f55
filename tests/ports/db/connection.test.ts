import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Client, clientConfig, openPool } from '../../../core/ports/db/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('connection', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  it('acts as the role it was opened for', async () => {
    const pool = fresh.database.pool('tutti_tenant', 2);
    const client = await fresh.database.connect('tutti_engine');

    const users = await Promise.all(
      [pool, pool, client].map((each) => each.query('SELECT current_user AS name')),
    );

    assert.deepEqual(
      users.map(({ rows }) => rows[0]?.name),
      ['tutti_tenant', 'tutti_tenant', 'tutti_engine'],
    );
    await client.end();
  });

  it('reads each type as documented', async () => {
    const client = await fresh.database.connect('tutti_engine');

    const { rows } =
      await client.query(`SELECT 9007199254740991::bigint AS int8, ARRAY[1, NULL]::bigint[] AS int8s,
      12.50::numeric AS numeric, ARRAY[0.10, 2]::numeric[] AS numerics, '2026-02-01'::date AS date,
      ARRAY['2026-02-01']::date[] AS dates, '2026-02-01T12:00:00+02'::timestamptz AS time, '{"a": [1]}'::jsonb AS json`);

    assert.deepEqual(rows[0], {
      int8: Number.MAX_SAFE_INTEGER,
      int8s: [1, null],
      numeric: '12.50',
      numerics: ['0.10', '2'],
      date: '2026-02-01',
      dates: ['2026-02-01'],
      time: new Date('2026-02-01T10:00:00Z'),
      json: { a: [1] },
    });
    await client.end();
  });

  it('refuses a bigint that a number cannot hold', async () => {
    const client = await fresh.database.connect('tutti_engine');

    await assert.rejects(client.query('SELECT 9007199254740993'), {
      code: 'INTERNAL',
      message: /beyond 2\^53/,
    });
    assert.deepEqual((await client.query('SELECT 1::bigint AS one')).rows, [{ one: 1 }]);
    await client.end();
  });

  it('sends the queries of a pipeline without waiting for answers', async () => {
    const client = await fresh.database.connect('tutti_engine', { pipeline: true });

    const results = await Promise.all([
      client.query('BEGIN'),
      client.query('SELECT 1 AS one'),
      client.query('COMMIT'),
    ]);

    assert.deepEqual(
      results.map((result) => result.command),
      ['BEGIN', 'SELECT', 'COMMIT'],
    );
    await client.end();
  });

  it('is thrown away when a query timed out, so that nobody gets its late answer', async () => {
    const options = clientConfig(fresh.database.connectionConfig, { queryTimeoutMs: 50 });
    const client = new Client(options);
    await client.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));

    await assert.rejects(client.query('SELECT pg_sleep(5)'), { message: 'Query read timeout' });

    await ended;
    await assert.rejects(client.query('SELECT 1'), /not queryable|was closed/);
  });

  it('limits the time of statements and of idle transactions in a pool', async () => {
    const pool = fresh.database.pool('tutti_tenant', 1);

    const { rows } = await pool.query(`SELECT current_setting('statement_timeout') AS statement,
      current_setting('idle_in_transaction_session_timeout') AS idle`);

    assert.deepEqual(rows, [{ statement: '30s', idle: '1min' }]);
  });

  it('survives the loss of a connection that is lent out', async () => {
    const pool = openPool(fresh.database.connectionConfig, 'tutti_engine', { size: 1 });
    const client = await pool.connect();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    const ended = new Promise((resolve) => client.once('end', resolve));

    await fresh.database.admin((other) =>
      other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]),
    );
    await ended;
    client.release();

    assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await pool.end();
  });

  it('survives the loss of an idle connection', async () => {
    const pool = openPool(fresh.database.connectionConfig, 'tutti_engine', { size: 1 });
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
    const removed = new Promise((resolve) => pool.once('remove', resolve));

    await fresh.database.admin((client) =>
      client.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]),
    );
    await removed;

    assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await pool.end();
  });

  it('waits for a connection that others have as long as it was told', async () => {
    const pool = openPool(fresh.database.connectionConfig, 'tutti_engine', { size: 1, waitMs: 20 });
    // To connect takes longer on a busy machine, and counts, too.
    const client = await eventually(() => pool.connect().catch(() => null));

    await assert.rejects(pool.query('SELECT 1'), /timeout exceeded when trying to connect/);

    client.release();
    assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await pool.end();
  });

  it('can be opened in a thread from the plain configuration', async () => {
    const source = new URL('../../../core/ports/db/connection.ts', import.meta.url);
    const script = `const { parentPort, workerData } = await import('node:worker_threads');
      const { openPool } = await import('${source}');
      const pool = openPool(workerData, 'tutti_tenant', { size: 2 });
      parentPort.postMessage((await pool.query('SELECT current_user AS name')).rows[0].name);
      await pool.end();`;

    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
      workerData: fresh.database.connectionConfig,
    });
    // A thread that is gone before its message is read is told in the same breath.
    const gone = once(thread, 'exit');

    assert.deepEqual(await once(thread, 'message'), ['tutti_tenant']);
    await gone;
  });

  it('reports a transaction whose error was swallowed, instead of losing its writes', async () => {
    const swallowed = fresh.database.asTenant(1, async (transaction) => {
      const setting = { tenantId: 1, name: 'a', value: '1', actor: '{}', at: new Date() };
      await transaction.insertInto('setting').values(setting).execute();
      await transaction
        .insertInto('setting')
        .values(setting)
        .execute()
        .catch(() => {});
    });

    await assert.rejects(swallowed);
    const admin = fresh.database.admin(async (client) => {
      await client.query('SELECT 1 / 0').catch(() => {});
    });
    await assert.rejects(admin, { code: 'INTERNAL', message: /rolled back/ });
  });

  it('closes what it handed out, and twice without harm', async () => {
    const other = await freshDatabase();
    const { database } = other;
    const pool = database.pool('tutti_engine', 2);
    await pool.query('SELECT 1');
    const client = await database.connect('tutti_engine');
    await database.kysely('tutti_engine').selectFrom('meta').selectAll().execute();

    await database.close();
    await database.close();

    assert.equal(pool.totalCount, 0);
    await assert.rejects(client.query('SELECT 1'));
    await other.drop();
  });

  it('is closed for whoever closes it again once it is for the first', async () => {
    const other = await freshDatabase();
    await other.database.connect('tutti_engine');
    let hasEnded = false;
    const first = other.database.close().then(() => {
      hasEnded = true;
    });

    await other.database.close();

    assert.ok(hasEnded);
    await first;
    await other.drop();
  });
});
