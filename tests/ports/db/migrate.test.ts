import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { v4, v7 } from 'uuid';
import { type Database, openDatabase } from '../../../core/ports/db/database.ts';
import { monthOf } from '../../../core/ports/db/partitions.ts';
import {
  asAdmin,
  type FreshDatabase,
  freshDatabase,
  testServer,
  urlOf,
} from '../../support/postgres.ts';

describe('migrate', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let empty = 0;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  async function onEmptyDatabase(work: (url: string) => Promise<void>): Promise<void> {
    const { server } = await testServer();
    empty += 1;
    const name = `migrate_${empty}`;
    await asAdmin(server, `CREATE DATABASE ${name} TEMPLATE template0`);
    await work(urlOf(server, name));
    await asAdmin(server, `DROP DATABASE ${name} WITH (FORCE)`);
  }

  it('changes nothing the second time', async () => {
    const before = await stateOf(fresh.database);

    const again = await openDatabase({ url: fresh.url, dataFolder: '' });

    assert.deepEqual(await stateOf(again), before);
    await again.close();
  });

  it('lets four processes race and runs once', async () => {
    await onEmptyDatabase(async (url) => {
      const four = await Promise.all(
        Array.from({ length: 4 }, () => openDatabase({ url, dataFolder: '' })),
      );

      for (const database of four) {
        const meta = await database.kysely('tutti_engine').selectFrom('meta').selectAll().execute();
        assert.deepEqual(
          meta.map((row) => row.schemaVersion),
          [24],
        );
        await database.close();
      }
    });
  });

  it('refuses a newer schema and touches nothing', async () => {
    await onEmptyDatabase(async (url) => {
      const database = await openDatabase({ url, dataFolder: '' });
      await database.admin(async (client) => {
        await client.query('UPDATE tutti.meta SET schema_version = 99');
        await client.query(`DROP TABLE tutti.step_${monthOf(new Date()).name}`);
      });
      const before = await stateOf(database);

      await assert.rejects(openDatabase({ url, dataFolder: '' }), {
        code: 'DB_VERSION',
        message: /schema version 99, made by a newer Tutti; this one knows 24/,
      });

      assert.deepEqual(await stateOf(database), before);
      await database.close();
    });
  });

  it('describes every table and column to TypeScript as it is in the database', async () => {
    const found = await fresh.database.admin(async (client) => {
      const { rows } = await client.query<{ name: string }>(columnNames);
      return rows.map((row) => row.name);
    });

    const source = ['tables', 'run-tables', 'service-tables', 'hook-tables', 'schedule-tables']
      .map(readSource)
      .join('\n');
    const declared = [...source.matchAll(/interface (\w+)Table \{\n([^}]*)\}/g)].flatMap((table) =>
      [...String(table[2]).matchAll(/readonly (\w+):/g)].map(
        (column) => `${table[1]}.${column[1]}`,
      ),
    );
    assert.deepEqual(declared.map(snakeCase).sort(), found.sort());
  });

  it('allows exactly the words of every state that TypeScript knows', async () => {
    const checks = await fresh.database.admin(async (client) => {
      const { rows } = await client.query<{ definition: string }>(wordChecks);
      return rows.map((row) => wordsOf(row.definition, /'(\w+)'::text/g));
    });

    const types = readSource('states')
      .split('export type ')
      .slice(1)
      .map((type) => wordsOf(type, /'(\w+)'/g));
    assert.deepEqual(checks.sort(), types.sort());
  });
});

describe('partitions', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  async function partitionOf(runId: string): Promise<string> {
    return await fresh.database.admin(async (client) => {
      await client.query(
        `INSERT INTO tutti.entry (tenant_id, run_id, seq, kind) VALUES (1, $1, 1, 'run.started')`,
        [runId],
      );
      const { rows } = await client.query(
        'SELECT tableoid::regclass::text AS name FROM tutti.entry WHERE run_id = $1',
        [runId],
      );
      return String(rows[0]?.name);
    });
  }

  it('put a run into the month of its id, from the first millisecond to the last', async () => {
    const january = Date.UTC(2031, 0);
    const february = Date.UTC(2031, 1);
    await fresh.database.ensurePartitions(new Date(january));

    assert.equal(await partitionOf(v7({ msecs: january })), 'entry_y2031m01');
    assert.equal(await partitionOf(v7({ msecs: february - 1 })), 'entry_y2031m01');
    assert.equal(await partitionOf(v7({ msecs: february })), 'entry_y2031m02');
  });

  it('cover now and the next two months after opening', async () => {
    const inTwoMonths = new Date();
    inTwoMonths.setUTCDate(1);
    inTwoMonths.setUTCMonth(inTwoMonths.getUTCMonth() + 2);

    assert.equal(await partitionOf(v7()), `entry_${monthOf(new Date()).name}`);
    assert.equal(
      await partitionOf(v7({ msecs: +inTwoMonths })),
      `entry_${monthOf(inTwoMonths).name}`,
    );
  });

  it('leave to the default partition what no month covers, and a month that lies there', async () => {
    const may = Date.UTC(2035, 4);

    assert.equal(await partitionOf(v4().replace(/^../, 'ff')), 'entry_default');
    assert.equal(await partitionOf(v7({ msecs: may })), 'entry_default');
    await fresh.database.ensurePartitions(new Date(may));

    assert.equal(await partitionOf(v7({ msecs: may + 1 })), 'entry_default', 'nothing was moved');
    assert.equal(await partitionOf(v7({ msecs: Date.UTC(2035, 5) })), 'entry_y2035m06');
  });

  it('cross the turn of a year', () => {
    assert.deepEqual(monthOf(new Date('2026-12-31T23:59:59Z'), 1), {
      name: 'y2027m01',
      from: `${idStart('2027-01-01')}-0000-0000-000000000000`,
      to: `${idStart('2027-02-01')}-0000-0000-000000000000`,
      end: new Date('2027-02-01'),
    });
  });
});

const columnNames = `SELECT c.relname || '.' || a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'tutti'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped`;

const wordChecks = `SELECT pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  WHERE k.connamespace = 'tutti'::regnamespace AND k.contype = 'c' AND NOT c.relispartition
    AND pg_get_constraintdef(k.oid) LIKE '%ANY%'`;

async function stateOf(database: Database): Promise<unknown> {
  return await database.admin(async (client) => {
    const meta = await client.query('SELECT *, xmin FROM tutti.meta');
    const tables = await client.query(
      `SELECT oid, relname FROM pg_class WHERE relnamespace = 'tutti'::regnamespace ORDER BY oid`,
    );
    return { meta: meta.rows, tables: tables.rows };
  });
}

function readSource(name: string): string {
  return readFileSync(new URL(`../../../core/ports/db/${name}.ts`, import.meta.url), 'utf8');
}

function wordsOf(text: string, pattern: RegExp): string {
  return [...text.matchAll(pattern)].map((match) => match[1]).join(' ');
}

function snakeCase(name: string): string {
  return name.replace(/(?<!^)(?<!\.)([A-Z])/g, '_$1').toLowerCase();
}

/** The first 48 bits of a UUIDv7 of that day's start. */
function idStart(day: string): string {
  const time = Date.parse(day).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}
