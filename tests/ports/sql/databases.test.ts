import assert from 'node:assert/strict';
import { openDatabases } from '../../../core/ports/sql/databases.ts';
import type { DatabaseQuery } from '../../../core/sdk/outside.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { type Library, openLibrary } from './reader.ts';

const setup = `
CREATE SCHEMA library;
CREATE TABLE library.book (id int PRIMARY KEY, title text, price numeric(12,2), copies bigint, printed date, seen timestamptz, tags text[], more jsonb);
INSERT INTO library.book SELECT n, 'Book ' || n, n + 0.50, 9007199254740993, '2026-06-30', '2026-06-30 12:00:00.5+02', ARRAY['a', 'b'], '{"n": 1}'
  FROM generate_series(1, 20) n;
CREATE SEQUENCE library.number;
CREATE FUNCTION library.write() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO library.book (id) VALUES (1000); RETURN 1; END $$;
GRANT USAGE ON SCHEMA library TO reader_one, writer_one, climber_one;
GRANT SELECT ON library.book TO reader_one, writer_one, climber_one;
GRANT USAGE ON SEQUENCE library.number TO reader_one;
GRANT INSERT ON library.book TO writer_one;
GRANT pg_read_server_files TO climber_one WITH INHERIT FALSE, SET TRUE`;

describe('databases for tools', () => {
  let fresh: FreshDatabase;
  let library: Library;
  let databases: ReturnType<typeof openDatabases>;
  const { signal } = new AbortController();

  before(async () => {
    fresh = await freshDatabase();
    library = await openLibrary(fresh, ['reader_one', 'writer_one', 'climber_one'], setup);
    const env = {
      BOOKS: library.url('reader_one'),
      WRITER: library.url('writer_one'),
      CLIMBER: library.url('climber_one'),
      OWNER: fresh.url,
      WRONG: 'postgresql://somebody:geheim@/x:y',
      GONE: 'postgresql://somebody:geheim@127.0.0.1:1/books',
    };
    databases = openDatabases(
      {
        books: { urlFrom: 'BOOKS' },
        few: { urlFrom: 'BOOKS', maxRows: 3 },
        hasty: { urlFrom: 'BOOKS', timeoutMs: 300 },
        writer: { urlFrom: 'WRITER' },
        climber: { urlFrom: 'CLIMBER' },
        owner: { urlFrom: 'OWNER' },
        unset: { urlFrom: 'UNSET' },
        wrong: { urlFrom: 'WRONG' },
        gone: { urlFrom: 'GONE' },
      },
      env,
    );
  });
  after(async function () {
    await databases.close();
    await library.close();
    await fresh.drop(this);
  });

  const query = (sql: string, rest: Partial<DatabaseQuery> = {}) =>
    databases.of(signal).query({ database: 'books', sql, ...rest });
  const books = async () => (await library.admin('SELECT * FROM library.book')).rowCount;

  it('give rows as JSON: exact numbers as numbers, decimals as text, times as ISO 8601', async () => {
    const { columns, rows, isCut } = await query('SELECT * FROM library.book WHERE id = $1 ;', {
      parameters: [1],
    });

    const row = {
      id: 1,
      title: 'Book 1',
      price: '1.50',
      copies: '9007199254740993',
      printed: '2026-06-30',
      seen: '2026-06-30T10:00:00.5Z',
      tags: ['a', 'b'],
      more: { n: 1 },
    };
    assert.deepEqual(rows, [row]);
    assert.deepEqual([columns, isCut], [Object.keys(row), false]);
    const { rows: odd } = await query(
      `SELECT 1.5::float8 AS f, 'NaN'::float8 AS nan, ARRAY[1, NULL] AS list, true AS yes, NULL AS nothing, '\\x01'::bytea AS bytes -- end`,
    );
    assert.deepEqual(odd, [
      { f: 1.5, nan: 'NaN', list: [1, null], yes: true, nothing: null, bytes: '\\x01' },
    ]);
  });

  it('keep numbers exact within JSON, and refuse a parameter that is not', async () => {
    const { rows } = await query(
      `SELECT '{"id": 9007199254740993, "n": [12345678901234567.25, 1.50, 0.1, -0.000000000000001, 1e400, 9007199254740991]}'::jsonb AS more,
         '[1e300, -9007199254740993]'::json AS plain`,
    );

    const n = ['12345678901234567.25', 1.5, 0.1, -1e-15, `1${'0'.repeat(400)}`, 9007199254740991];
    assert.deepEqual(rows, [
      { more: { id: '9007199254740993', n }, plain: ['1e300', '-9007199254740993'] },
    ]);
    const sql = 'SELECT $1::bigint AS id';
    await assert.rejects(query(sql, { parameters: [9007199254740992] }), {
      code: 'QUERY_REFUSED',
      message: /^Parameter \$1 is 9007199254740992, .* give it as text\.$/,
    });
    const exact = await query(sql, { parameters: ['9007199254740993'] });
    assert.deepEqual(exact.rows, [{ id: '9007199254740993' }]);
  });

  it('take no more rows than the configuration lets through, and say so', async () => {
    verifies('R5.plug-ins');
    const cut = await query('SELECT id FROM library.book ORDER BY id', { database: 'few' });
    const whole = await query('SELECT id FROM library.book LIMIT 3', { database: 'few' });

    assert.deepEqual([cut.rows.map(({ id }) => id), cut.isCut], [[1, 2, 3], true]);
    assert.equal(whole.isCut, false);
  });

  it('refuse whatever changes something, and change nothing', async () => {
    const before = await books();
    for (const sql of [
      `INSERT INTO library.book (id) VALUES (99)`,
      `WITH added AS (INSERT INTO library.book (id) VALUES (99) RETURNING id) SELECT * FROM added`,
      `SELECT 1; DELETE FROM library.book`,
      `SELECT 1; COMMIT; DELETE FROM library.book`,
      `SELECT library.write()`,
      `SELECT set_config('transaction_read_only', 'off', true), library.write()`,
      `SELECT nextval('library.number')`,
      `SELECT * FROM library.book FOR UPDATE`,
      `DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM library.book; END $$`,
      `COPY library.book TO PROGRAM 'cat'`,
      `CALL library.write()`,
      `SET ROLE tutti`,
      `SELECT id INTO TEMP copied FROM library.book`,
      `SELECT pg_read_file('/etc/passwd')`,
      `SELECT lo_create(0)`,
      `SELECT 1 FROM`,
      ``,
    ])
      await assert.rejects(query(sql), { code: 'QUERY_REFUSED' }, sql);
    assert.equal(await books(), before);
  });

  it('say in words what is wrong with a statement, and of a row nothing', async () => {
    await assert.rejects(query('SELECT titel FROM library.book'), {
      message: `Database 'books' refused the query: column "titel" does not exist (SQLSTATE 42703).`,
    });
    await assert.rejects(query('SELECT title::int FROM library.book'), (error: Error) => {
      assert.doesNotMatch(error.message, /Book/);
      assert.match(error.message, /22P02/);
      return true;
    });
    await assert.rejects(query('SELECT 1 AS a, 2 AS a'), /Two columns .* 'a'/);
  });

  it('refuse a login that may do more than read', async () => {
    for (const [database, message] of [
      ['owner', /'tutti' is a superuser/],
      ['climber', /'climber_one' is a superuser, or may act as one/],
      ['writer', /'writer_one' may write to tables/],
    ] as const)
      await assert.rejects(query('SELECT 1', { database }), { code: 'QUERY_REFUSED', message });
  });

  it('tell what there is, and never an address', async () => {
    await assert.rejects(query('SELECT 1', { database: 'toString' }), {
      code: 'DATABASE_UNKNOWN',
      message: /there are: books, few, hasty/,
    });
    for (const [database, code, message] of [
      ['unset', 'DATABASE_UNKNOWN', /UNSET is not set/],
      ['wrong', 'DATABASE_UNKNOWN', /WRONG holds no postgresql:\/\/ address/],
      ['gone', 'QUERY_FAILED', /did not answer \(ECONNREFUSED\)/],
    ] as const)
      await assert.rejects(query('SELECT 1', { database }), (error: Error & { code?: string }) => {
        assert.deepEqual([error.code, /geheim/.test(error.message)], [code, false]);
        assert.match(error.message, message);
        return true;
      });
  });

  it('end a query at its time, and one of a call that has ended', async () => {
    await assert.rejects(query('SELECT pg_sleep(60)', { database: 'hasty' }), {
      code: 'QUERY_FAILED',
      message: /did not end in time/,
    });
    const call = new AbortController();
    const asked = databases
      .of(call.signal)
      .query({ database: 'books', sql: 'SELECT pg_sleep(60)' });
    const running = async () =>
      (
        await library.admin(
          `SELECT FROM pg_stat_activity WHERE usename = 'reader_one' AND state = 'active'`,
        )
      ).rowCount;
    await eventually(async () => (await running()) === 1);
    call.abort(new Error('over'));

    await assert.rejects(asked, /over/);
    await eventually(async () => (await running()) === 0);
    assert.equal((await query('SELECT 1 AS one')).rows.length, 1);
  });

  it('give up an answer that is too large, and go on', async () => {
    await assert.rejects(query(`SELECT repeat('x', 40000000) AS long`), {
      code: 'QUERY_REFUSED',
      message: /more than 5000000 bytes/,
    });
    assert.equal((await query('SELECT 1 AS one')).rows.length, 1);
  });

  it('leave nothing of a query to the next', async () => {
    await query(`SELECT pg_advisory_lock(7), set_config('search_path', 'library', false)`);
    const { rows } = await query(
      `SELECT current_setting('search_path') AS path, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7) AS locks`,
    );
    assert.deepEqual(rows, [{ path: '"$user", public', locks: 0 }]);
  });
});
