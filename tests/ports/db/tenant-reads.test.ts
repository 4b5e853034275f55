import assert from 'node:assert/strict';
import { sql } from 'kysely';
import type pg from 'pg';
import { dropClient } from '../../../core/ports/db/connection.ts';
import { readInTenant } from '../../../core/ports/db/tenant-reads.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

/** Which tenant a statement saw, and when its transaction began: the same moment is the same transaction. */
interface Seen {
  readonly tenant: string;
  readonly begun: string;
}

const look = {
  text: `SELECT current_setting('app.tenant') AS tenant, now()::text AS begun`,
};

describe('reads of a tenant', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
  });
  beforeEach(() => {
    pool = fresh.database.pool('tutti_tenant', 1);
  });
  afterEach(() => pool.end());
  after(function () {
    return fresh.drop(this);
  });

  /** Has the only connection while `begin` makes its calls, so that all of them wait for it. */
  async function waiting<T>(begin: () => T): Promise<T> {
    const client = await pool.connect();
    const calls = begin();
    client.release();
    return calls;
  }

  it('go with the beginning and the end of their transaction in one write', async () => {
    const client = await pool.connect();
    const writes = writesOf(client);
    client.release();

    const rows = await readInTenant<Seen>(pool, 7, look);

    assert.deepEqual(
      rows.map(({ tenant }) => tenant),
      ['7'],
    );
    assert.equal(writes.length, 1);
    assert.match(writes[0] ?? '', /BEGIN READ ONLY.*'7'.*SELECT current_setting.*COMMIT/s);
  });

  it('go together where they wait for a connection, up to sixteen of one tenant', async () => {
    verifies('R12.tenancy');
    const tenants = Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 2 : 1));

    const reads = await waiting(() =>
      tenants.map((tenant) => readInTenant<Seen>(pool, tenant, look)),
    );
    const seen = (await Promise.all(reads)).flat();

    assert.deepEqual(
      seen.map(({ tenant }) => tenant),
      tenants.map(String),
    );
    const transactions = Map.groupBy(seen, ({ begun }) => begun);
    // 32 of one tenant, 16 of the other.
    assert.deepEqual(
      [...transactions.values()].map((group) => [group[0]?.tenant, group.length]),
      [
        ['2', 16],
        ['1', 16],
        ['1', 16],
      ],
    );
  });

  it('fail alone, and only with their own fault', async () => {
    const faulty = { text: 'SELECT 1 / 0' };

    const reads = await waiting(() =>
      [look, faulty, look, faulty, look].map((statement) => readInTenant<Seen>(pool, 3, statement)),
    );
    const settled = await Promise.allSettled(reads);

    assert.deepEqual(
      settled.map((each) =>
        each.status === 'fulfilled' ? each.value[0]?.tenant : each.reason.code,
      ),
      ['3', '22012', '3', '22012', '3'],
    );
    assert.deepEqual((await readInTenant<Seen>(pool, 4, look))[0]?.tenant, '4');
  });

  it('keep no transaction waiting that came before the last of them', async () => {
    const order: string[] = [];
    const reads = await waiting(() => {
      const first = Array.from({ length: 40 }, () => readInTenant<Seen>(pool, 1, look));
      const other = pool.connect().then((client) => {
        order.push('other');
        client.release();
      });
      void first.at(-1)?.then(() => order.push('last read'));
      return [...first, other];
    });
    await Promise.all(reads);

    assert.deepEqual(order, ['other', 'last read']);
  });

  it('fail when their connection is lost, and the next one has another', async () => {
    const holder = await fresh.database.connect('tutti_engine');
    await holder.query('SELECT pg_advisory_lock(7)');
    const held = { text: 'SELECT pg_advisory_xact_lock(7)' };
    const client = await pool.connect();
    const reads = [held, look, look].map((statement) => readInTenant(pool, 1, statement));
    client.release();
    await new Promise(setImmediate);

    dropClient(client as unknown as pg.Client);
    const settled = await Promise.allSettled(reads);

    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    assert.equal((await readInTenant<Seen>(pool, 5, look))[0]?.tenant, '5');
    await holder.end();
  });

  it('cannot write, and see nothing of a tenant that is no whole number', async () => {
    const write = {
      text: `INSERT INTO tutti.setting (tenant_id, name, value) VALUES (1, 'a', '1')`,
    };

    await assert.rejects(readInTenant(pool, 1, write), { code: '25006' });
    await assert.rejects(readInTenant(pool, 1.5, look), { code: 'INPUT_INVALID' });
  });

  it('have their columns named as in TypeScript where they come by `rowsOf`', async () => {
    const { database } = fresh;
    const one = sql<{ readonly isOne: number }>`SELECT 1 AS is_one`;

    await assert.rejects(database.rowsOf(1, sql`SELECT 1 / 0`), { code: '22012' });
    assert.deepEqual(await database.rowsOf(1, one), [{ isOne: 1 }]);
    const { rows } = await database.asTenant(1, (transaction) => one.execute(transaction));
    assert.deepEqual(rows, [{ isOne: 1 }]);
  });
});

/** What a connection writes from now on, by writes. */
function writesOf(client: pg.PoolClient): readonly string[] {
  const { stream } = (client as unknown as pg.Client).connection;
  const writes: string[] = [];
  const [write, writev] = [stream._write, stream._writev];
  stream._write = (chunk, encoding, done) => {
    writes.push(String(chunk));
    write.call(stream, chunk, encoding, done);
  };
  stream._writev = (chunks, done) => {
    writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
    writev?.call(stream, chunks, done);
  };
  return writes;
}
