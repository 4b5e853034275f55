import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { frameHeadBytes } from '../../../core/ports/db/backup/frame.ts';
import { type Place, restoreBackup, writeBackup } from '../../../core/ports/db/backup.ts';
import { openLogin } from '../../../core/ports/db/connection.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { inSchemaTransaction, migrateTo, schemaVersion } from '../../../core/ports/db/migrate.ts';
import { contentsOf, emptyDatabase, fillTables, prepare } from '../../support/backup-data.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

/** Where nothing answers: what is refused for its file never gets there. */
const nowhere: Place = { url: 'postgresql://127.0.0.1:1/none', dataFolder: '' };
/** So many of a backup's first and last parts are damaged at every place: the first line, the header, two tables, the end. */
const fullyTried = 4;
const owner = '01980000-0000-7000-8000-000000000001';

describe('a backup', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  const path = join(folder.path, 'all.backup');
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
    await fresh.database.admin(fillTables);
    await writeBackup(placeOf(fresh.url), { path, isForced: false, release: '1.2.3' });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const save = (place: Place, name: string, options: object = {}) =>
    writeBackup(place, {
      path: join(folder.path, name),
      isForced: false,
      release: '1.2.3',
      ...options,
    });

  it('brings back every row of every table, whatever stands in it', async () => {
    verifies('R13.backup');
    await using target = await emptyDatabase();

    const restored = await restoreBackup(placeOf(target.url), path);

    const [was, is] = [await contents(fresh.url), await contents(target.url)];
    assert.deepEqual(Object.keys(is).sort(), Object.keys(was).sort());
    for (const [table, rows] of Object.entries(was)) {
      assert.ok(rows.length > 0, `${table} had no row to lose`);
      // One that was ended since the backup must not go on again.
      const kept = table === 'tutti."session"' ? [] : rows;
      assert.deepEqual(is[table], kept, table);
    }
    // tutti.meta is made by the migrations.
    // Data keys come from a file of their own.
    const { 'tutti."data_key"': keys = [], ...others } = was;
    assert.equal(keys.length, 1);
    assert.equal(restored.rows, Object.values(others).flat().length);
    assert.equal(restored.header.tables.length, Object.keys(others).length);
  });

  it('leaves no run to an engine of the old place, and goes on counting behind what it brought', async () => {
    verifies('R13.backup');
    await using target = await emptyDatabase();
    const { openRuns } = await restoreBackup(placeOf(target.url), path);
    const database = await openDatabase({ url: target.url, dataFolder: '' });

    const facts = await database.admin(async (client) => ({
      engines: await all(client, 'SELECT state FROM tutti.engine'),
      runs: await all(client, 'SELECT owner, takeovers FROM tutti.run'),
      feed: await all(client, 'SELECT run_id, tx::int FROM tutti.feed ORDER BY tx'),
      unforced: await all(client, unforced),
      inbox: await all(client, insertInbox),
      tenant: await all(client, `INSERT INTO tutti.tenant (slug) VALUES ('next') RETURNING id`),
      months: await all(client, `SELECT to_regclass('tutti.entry_y2031m02') AS month`),
    }));

    await database.close();
    assert.equal(openRuns, 1);
    assert.deepEqual(facts.engines, [{ state: 'gone' }]);
    assert.deepEqual(facts.runs, [{ owner: null, takeovers: 3 }]);
    assert.deepEqual(
      facts.feed.map(({ tx }) => tx),
      [-4_000, 0],
    );
    assert.deepEqual(facts.unforced, [], 'row-level security holds again');
    assert.deepEqual([facts.inbox, facts.tenant], [[{ id: 42 }], [{ id: 78 }]]);
    assert.notEqual(facts.months[0]?.month, null, 'the months of the data have their partitions');
  });

  it('brings back, with its values, what somebody else put into the schemas', async () => {
    await using source = await emptyDatabase();
    await using target = await emptyDatabase();
    await prepare(source.url, (client) =>
      client.query(`ALTER TABLE tutti.tenant ADD COLUMN "Our no" numeric(10,2);
        INSERT INTO tutti.tenant (slug, "Our no") VALUES ('a', 7.50);
        CREATE TABLE erp."Our notes" (at timestamp(3) with time zone, tags character varying(20)[]);
        INSERT INTO erp."Our notes" VALUES ('2026-06-30', '{a,b}')`),
    );

    await save(placeOf(source.url), 'strange.backup');
    await restoreBackup(placeOf(target.url), join(folder.path, 'strange.backup'));

    const is = await contents(target.url);
    assert.match(is['tutti."tenant"']?.[0] ?? '', /"Our no": 7\.50/);
    assert.deepEqual(is, await contents(source.url));
  });

  it('of an older schema is filled as it was and then migrated', async () => {
    verifies('R13.upgrade');
    await using source = await emptyDatabase();
    await using target = await emptyDatabase();
    const client = await openLogin({ connectionString: source.url });
    await inSchemaTransaction(client, async () => {
      await migrateTo(client, 1);
      await client.query(`INSERT INTO tutti.tenant (slug) VALUES ('old')`);
    });
    await client.end();

    const { header } = await save(placeOf(source.url), 'old.backup');
    await restoreBackup(placeOf(target.url), join(folder.path, 'old.backup'));

    assert.equal(header.schemaVersion, 1);
    const database = await openDatabase({ url: target.url, dataFolder: '' });
    const queries = database.kysely('tutti_engine');
    const meta = await queries.selectFrom('meta').selectAll().executeTakeFirstOrThrow();
    assert.equal(meta.schemaVersion, schemaVersion);
    assert.deepEqual(await queries.selectFrom('tenant').select('slug').execute(), [
      { slug: 'old' },
    ]);
    assert.deepEqual(await queries.selectFrom('hold').selectAll().execute(), []);
    await database.close();
  });

  it('of a newer schema or format is refused before anything is opened', async () => {
    const newer = await save(placeOf(fresh.url), 'newer.backup');
    const file = join(folder.path, 'newer.backup');
    const [first = '', json = ''] = readFileSync(file, 'latin1').split('\n');
    writeFileSync(file, `${first.replace('BACKUP 1', 'BACKUP 2')}\n`);
    await assert.rejects(restoreBackup(nowhere, file), {
      code: 'BACKUP_INVALID',
      message: /its format is 2/,
    });
    assert.equal(newer.header.schemaVersion, schemaVersion);
    assert.ok(json.includes(`"schemaVersion":${schemaVersion}`));

    await using source = await emptyDatabase();
    await prepare(source.url, (client) =>
      client.query('UPDATE tutti.meta SET schema_version = 99'),
    );
    await save(placeOf(source.url), 'future.backup');
    await assert.rejects(restoreBackup(nowhere, join(folder.path, 'future.backup')), {
      code: 'DB_VERSION',
      message: /schema version 99, made by Tutti 1\.2\.3; this one knows \d/,
    });
  });

  it('is refused with the table in which a bit was changed, wherever that is', async () => {
    verifies('R13.backup');
    const bytes = readFileSync(path);
    const damaged = join(folder.path, 'damaged.backup');
    const parts = partsOf(bytes);
    for (const [index, { name, from, to }] of parts.entries()) {
      const places = [from, from + 9, from + 13, Math.floor((from + to) / 2), to - 1];
      for (const at of inTurn(places, index, parts)) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
        writeFileSync(damaged, changed);
        await assert.rejects(restoreBackup(nowhere, damaged), refusal(name), `byte ${at}`);
      }
    }
    assert.ok(parts.length > 30);
  });

  it('is refused with the table at which it was cut off, or when it goes on after its end', async () => {
    verifies('R13.backup');
    const bytes = readFileSync(path);
    const damaged = join(folder.path, 'damaged.backup');
    const parts = partsOf(bytes);
    for (const [index, { name, from, to }] of parts.entries()) {
      for (const size of inTurn([from, from + 1, to - 1], index, parts)) {
        writeFileSync(damaged, bytes.subarray(0, size));
        await assert.rejects(restoreBackup(nowhere, damaged), refusal(name), `${size} bytes`);
      }
    }
    writeFileSync(damaged, Buffer.concat([bytes, Buffer.of(0)]));
    await assert.rejects(restoreBackup(nowhere, damaged), refusal('its end'));
    for (const text of ['', 'PGDMP', 'TUTTI-BACKUP 1 10 x\n']) {
      writeFileSync(damaged, text);
      await assert.rejects(restoreBackup(nowhere, damaged), { code: 'BACKUP_INVALID' });
    }
  });

  it('is refused as what it is not when it is a folder, or is not there', async () => {
    for (const path of [folder.path, `${folder.path}/nowhere`])
      await assert.rejects(restoreBackup(nowhere, path), {
        code: 'INPUT_INVALID',
        message: /cannot be read \((EISDIR|ENOENT)\); name a file that `tutti backup` wrote/,
      });
  });

  it('changes nothing when it fails while it is restored', async () => {
    await using source = await emptyDatabase();
    await using target = await emptyDatabase();
    // Two rows that a restored table cannot both hold: their key is not there in the source.
    await prepare(source.url, (client) =>
      client.query(
        `ALTER TABLE tutti.tenant DROP CONSTRAINT tenant_slug_key; INSERT INTO tutti.tenant (slug) VALUES ('a'), ('a')`,
      ),
    );
    await save(placeOf(source.url), 'twice.backup');

    const failed = restoreBackup(placeOf(target.url), join(folder.path, 'twice.backup'));

    await assert.rejects(failed, { message: /23505 \(tenant, tenant_slug_key\)/ });
    assert.deepEqual(Object.values(await contents(target.url)).flat(), []);
    await restoreBackup(placeOf(target.url), path);
  });

  it('goes into no database that holds data or has an engine at work', async () => {
    await using served = await emptyDatabase();
    await prepare(served.url, (client) =>
      client.query(`INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, lease_until)
        VALUES ('${owner}', 'h', 1, now(), '1', '[1,2)', now() + interval '1 hour')`),
    );

    await assert.rejects(restoreBackup(placeOf(fresh.url), path), {
      code: 'INPUT_INVALID',
      message: /holds data \(tutti\.alert, tutti\.api_key.*TUTTI_DATA.*DATABASE_URL/,
    });
    await assert.rejects(restoreBackup(placeOf(served.url), path), {
      code: 'INPUT_INVALID',
      message: /An engine serves this database/,
    });
  });

  it('is for its owner only, replaces nothing unasked and leaves nothing when it fails', async () => {
    const before = readdirSync(folder.path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const again = { path, isForced: false, release: '1.2.3' };

    await assert.rejects(writeBackup(placeOf(fresh.url), again), {
      code: 'INPUT_INVALID',
      message: /already.*--force/,
    });
    await assert.rejects(writeBackup(placeOf(fresh.url), { ...again, path: `${path}/no` }), {
      code: 'INPUT_INVALID',
      message: /cannot be written \(ENOTDIR\)/,
    });
    const signal = AbortSignal.abort();
    await assert.rejects(save(placeOf(fresh.url), 'aborted', { signal }), { name: 'AbortError' });
    await using empty = await emptyDatabase();
    await assert.rejects(save(placeOf(empty.url), 'empty'), {
      code: 'INPUT_INVALID',
      message: /holds nothing of Tutti/,
    });

    assert.deepEqual(readdirSync(folder.path), before);
    await writeBackup(placeOf(fresh.url), { ...again, isForced: true });
  });
});

const unforced = `SELECT c.relname FROM pg_class c WHERE c.relrowsecurity AND NOT c.relforcerowsecurity`;
const insertInbox = `INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
  VALUES (1, gen_random_uuid(), 'cancel', 'x', '{}', '{}') RETURNING id`;

async function all(client: pg.Client, text: string): Promise<readonly Record<string, unknown>[]> {
  return (await client.query(text)).rows;
}

function placeOf(url: string): Place {
  return { url, dataFolder: '' };
}

async function contents(url: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const client = await openLogin({ connectionString: url });
  return contentsOf(client).finally(() => client.end());
}

function refusal(part: string): { readonly code: string; readonly message: RegExp } {
  const where = part.includes('.') ? `in table ${part.replace('.', '\\.')}\\.` : '.';
  return { code: 'BACKUP_INVALID', message: new RegExp(where) };
}

/** All frames are read by the same lines: of those in the middle every fifth is tried at one place, in turn another; of the others each place. */
function inTurn(
  places: readonly number[],
  index: number,
  { length }: readonly Part[],
): readonly number[] {
  const isInTheMiddle = index >= fullyTried && index < length - fullyTried;
  if (!isInTheMiddle) return places;
  return index % 5 === 0 ? [places[(index / 5) % places.length] as number] : [];
}

interface Part {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The first line, the header, every frame with its table's name, and the end. */
function partsOf(bytes: Buffer): readonly Part[] {
  const line = bytes.indexOf('\n') + 1;
  const size = Number(bytes.toString('latin1', 0, line).split(' ')[2]);
  const { tables } = JSON.parse(bytes.toString('utf8', line, line + size)) as {
    readonly tables: readonly { readonly schema: string; readonly name: string }[];
  };
  const parts: Part[] = [
    { name: 'the first line', from: 0, to: line },
    { name: 'the header', from: line, to: line + size + 1 },
  ];
  let table = 0;
  for (let from = line + size + 1; from < bytes.length; ) {
    const to = from + frameHeadBytes + bytes.readUInt32BE(from + 8);
    const { schema, name } = tables[table] ?? { schema: 'its', name: 'end' };
    parts.push({ name: table < tables.length ? `${schema}.${name}` : 'its end', from, to });
    if (bytes.readUInt8(from) === 2) table += 1;
    from = to;
  }
  return parts;
}
