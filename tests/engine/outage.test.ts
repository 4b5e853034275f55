import assert from 'node:assert/strict';
import type pg from 'pg';
import type { Run } from '../../core/engine/run/run.ts';
import { ChaosProxy } from '../support/chaos-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { aNote, Writer } from '../support/fixtures/writer.ts';
import { type OwnServer, ownServer } from '../support/own-server.ts';
import { verifies } from '../support/verifies.ts';

describe('a database that goes away', function () {
  this.timeout(180_000);
  let server: OwnServer;
  let pool: pg.Pool;

  before(async () => {
    server = await ownServer();
    pool = server.database.pool('tutti_engine', 4);
  });

  after(() => server[Symbol.asyncDispose]());

  async function notes(writer: Writer, run: Run): Promise<readonly number[]> {
    const rows = await writer.rowsOf<{ seq: number }>('entry', run);
    return rows.map(({ seq }) => seq);
  }

  function upTo(count: number): readonly number[] {
    return Array.from({ length: count }, (_, index) => index + 1);
  }

  it('takes nothing of what was told to be durable, and doubles nothing, when its server crashes again and again', async () => {
    verifies('R8.crash', 'R9.offline');
    const writer = await Writer.open(server.database, pool);
    const run = await writer.run();
    let told = 0;
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) {
        await writer.durable(aNote(run));
        told += 1;
      }
    })();

    for (let crash = 1; crash <= 4; crash += 1) {
      const before = told;
      await eventually(() => told > before + 20);
      server.crash();
      await eventually(() => writer.outages.filter((each) => each !== 'back').length >= crash);
    }
    isWriting = false;
    await writing;

    assert.deepEqual(await notes(writer, run), upTo(told));
    assert.deepEqual(writer.failures, []);
    assert.equal(writer.outages.at(-1), 'back');
  });

  it('is waited for while it is read-only', async () => {
    const writer = await Writer.open(server.database, pool);
    const run = await writer.run();
    await writer.durable(aNote(run));
    await server.admin('ALTER DATABASE tutti SET default_transaction_read_only = on');
    await server.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%fence AS MATERIALIZED%' AND pid <> pg_backend_pid()`,
    );
    const durable = writer.durable(aNote(run));
    await eventually(() => writer.journal.isAway);

    await server.admin('ALTER DATABASE tutti RESET default_transaction_read_only');
    await durable;

    assert.deepEqual(await notes(writer, run), [1, 2]);
    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
    assert.deepEqual(writer.failures, []);
  });

  it('is waited for while its disk is full, and is back with the first flush that it takes', async () => {
    const writer = await Writer.open(server.database, pool);
    const run = await writer.run();
    await writer.durable(aNote(run));
    await server.database.admin((client) =>
      client.query(`CREATE FUNCTION tutti.full() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON tutti.entry_default FOR EACH ROW EXECUTE FUNCTION tutti.full();
        CREATE TRIGGER full_disk BEFORE INSERT ON tutti.feed FOR EACH ROW EXECUTE FUNCTION tutti.full()`),
    );
    const durable = writer.durable(aNote(run));
    await eventually(() => writer.journal.isAway);

    await server.database.admin((client) => client.query('DROP FUNCTION tutti.full() CASCADE'));
    await durable;

    assert.deepEqual(await notes(writer, run), [1, 2]);
    assert.deepEqual(writer.outages, ['DB_FULL', 'back']);
  });

  it('is noticed behind a network that swallows everything, and is back when the network is', async () => {
    verifies('R9.offline');
    await using proxy = await ChaosProxy.open(server.connection);
    const options = { connection: proxy.connection, queryTimeoutMs: 2_000 };
    const writer = await Writer.open(server.database, pool, options);
    const run = await writer.run();
    await writer.durable(aNote(run));
    proxy.freeze('all');
    const began = performance.now();

    const durable = writer.durable(aNote(run));
    await eventually(() => writer.journal.isAway);
    const noticedMs = performance.now() - began;
    proxy.restore();
    await durable;

    assert.ok(noticedMs < 10_000, `${noticedMs} ms`);
    assert.deepEqual(await notes(writer, run), [1, 2]);
    assert.deepEqual(writer.outages, ['DB_UNAVAILABLE', 'back']);
  });
});
