import assert from 'node:assert/strict';
import type pg from 'pg';
import { nextEntry } from '../../../core/engine/run/attempt.ts';
import { Writer } from '../../support/fixtures/writer.ts';
import { asAdmin, type FreshDatabase, freshDatabase, testServer } from '../../support/postgres.ts';

describe('Journal without its database', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });

  after(function () {
    return fresh.drop(this);
  });

  it('says once what is wrong and what to do, and tells nobody that anything is durable', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const write = (told: () => void) => {
      const entry = nextEntry(run, { step: null, kind: 'note', data: {} });
      writer.journal.write({ run, step: null, entries: [entry] }, told);
    };
    const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
    const databaseName = rows[0]?.name;
    let told = 0;
    write(() => {
      told += 1;
    });
    await writer.journal.settled();
    const { server } = await testServer();
    await asAdmin(
      server,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${databaseName}' AND query LIKE '%fence AS MATERIALIZED%'`,
    );

    write(() => {
      told += 1;
    });
    await writer.journal.settled();
    write(() => {
      told += 1;
    });
    await writer.journal.settled();

    assert.equal(told, 1);
    assert.deepEqual(
      writer.failures.map(({ code }) => code),
      ['DB_UNAVAILABLE'],
    );
    assert.match(writer.failures[0]?.message ?? '', /; (check|try again)/);
    assert.equal((await writer.rowsOf('entry', run)).length, 1);
  });
});
