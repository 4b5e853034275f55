import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from } from 'pg-copy-streams';
import { EngineError } from '../../../base/errors.ts';
import { createEntityTable, prepareEmbedded } from '../../erp/embedded/prepare.ts';
import { translateDbError } from '../db-error.ts';
import { inSchemaTransaction, migrate, migrateTo, schemaVersion } from '../migrate.ts';
import { ensurePartitions } from '../partitions.ts';
import { columnList, quotedName, readTables, roleSql } from './catalogue.ts';
import { type Header, invalid, nameOf, type SavedTable } from './header.ts';
import { BackupReader, type TableReader } from './read-file.ts';

/** What was restored. */
export interface Restored {
  readonly header: Header;
  readonly rows: number;
  /** Runs that the next engine takes up. */
  readonly openRuns: number;
}

/** @throws DB_VERSION when a newer Tutti wrote the file */
export function refuseNewer(header: Header): void {
  if (header.schemaVersion <= schemaVersion) return;
  const message = `The backup has schema version ${header.schemaVersion}, made by Tutti ${header.release}; this one knows ${schemaVersion}. Nothing was restored; install that Tutti or a newer one.`;
  throw new EngineError('DB_VERSION', message);
}

/**
 * Puts a backup into a database that holds no data, in one transaction: either all of it is there afterwards, or nothing
 * was changed. The schema is made as the file's release had it, filled, and then brought up to this program's. No engine of
 * the old place is alive in the new one, and no run has an owner: the next engine takes up every run that has not ended.
 * @throws BACKUP_INVALID · INPUT_INVALID when there is data · DB_*
 */
export async function restoreDatabase(
  client: pg.Client,
  path: string,
  keysPath: string | null,
): Promise<Restored> {
  const reader = await BackupReader.open(path);
  try {
    const { header } = reader;
    refuseNewer(header);
    await migrate(client);
    return await inSchemaTransaction(client, async () => {
      await refuseData(client);
      await dropSchema(client);
      await createSchema(client, header);
      await fill(client, reader);
      const rows = await reader.end();
      await migrateTo(client, schemaVersion);
      if (keysPath !== null) await loadKeys(client, keysPath);
      await nameMasters(client);
      await ensurePartitions(client, await readNow(client));
      return { header, rows, openRuns: await countOpenRuns(client) };
    });
  } catch (error) {
    throw translateDbError(error);
  } finally {
    await reader.close();
  }
}

/** Data keys come last: their file may be newer than the backup. */
async function loadKeys(client: pg.Client, path: string): Promise<void> {
  const reader = await BackupReader.open(path);
  try {
    for (const [place, table] of reader.header.tables.entries()) {
      const name = quotedName(table);
      await client.query(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`);
      await load(client, table, reader.table(place));
      await client.query(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`);
    }
    await reader.end();
  } finally {
    await reader.close();
  }
}

/** The master keys that are in use are those of the data keys that are there: they may have been rotated since the backup. */
async function nameMasters(client: pg.Client): Promise<void> {
  await client.query('SET LOCAL ROLE tutti_engine');
  await client.query(
    `DELETE FROM tutti.master_key m WHERE NOT EXISTS (SELECT FROM tutti.data_key WHERE master = m.id);
     INSERT INTO tutti.master_key (id) SELECT DISTINCT master FROM tutti.data_key ON CONFLICT DO NOTHING;
     SET LOCAL ROLE NONE`,
  );
}

/** What a process leaves in a database that it only looked into. */
const traces = new Set(['tutti.engine', 'tutti.share', 'tutti.module', 'erp.entity']);

/** @throws INPUT_INVALID when an engine is at work or any table holds data */
async function refuseData(client: pg.Client): Promise<void> {
  const engines = await client.query(
    `SELECT FROM tutti.engine WHERE state <> 'gone' AND lease_until > now()`,
  );
  if (engines.rowCount !== 0) {
    const message =
      'An engine serves this database, or died a moment ago; stop it, or wait for the end of its lease, and try again. Nothing was restored.';
    throw new EngineError('INPUT_INVALID', message);
  }
  const filled: string[] = [];
  for (const table of await readTables(client)) {
    if (traces.has(nameOf(table))) continue;
    await client.query(roleSql(table));
    const { rowCount } = await client.query(`SELECT FROM ${quotedName(table)} LIMIT 1`);
    if (rowCount !== 0) filled.push(nameOf(table));
  }
  await client.query('SET LOCAL ROLE NONE');
  if (filled.length === 0) return;
  const message = `This database holds data (${filled.slice(0, 5).join(', ')}); a backup goes into an empty one. Nothing was changed; name a new folder with TUTTI_DATA or a new database with DATABASE_URL.`;
  throw new EngineError('INPUT_INVALID', message);
}

/** Removes the empty tables, so that the file's can be made as their release made them. */
async function dropSchema(client: pg.Client): Promise<void> {
  const tables = await readTables(client);
  // Without CASCADE: what somebody else built upon them keeps them from being dropped.
  await client.query(`DROP TABLE tutti.meta, ${tables.map(quotedName).join(', ')}`);
  const { rows } = await client.query<{ drop: string }>(
    `SELECT 'DROP SEQUENCE ' || c.oid::regclass AS drop FROM pg_class c
       WHERE c.relnamespace::regnamespace::text IN ('tutti', 'erp') AND c.relkind = 'S'
     UNION ALL SELECT 'DROP ROUTINE ' || p.oid::regprocedure FROM pg_proc p
       WHERE p.pronamespace::regnamespace::text IN ('tutti', 'erp')`,
  );
  await client.query(rows.map(({ drop }) => drop).join(';'));
}

async function createSchema(client: pg.Client, header: Header): Promise<void> {
  await migrateTo(client, header.schemaVersion);
  for (const month of header.months) {
    const [year, number] = month.slice(1).split('m').map(Number) as [number, number];
    await ensurePartitions(client, new Date(Date.UTC(year, number - 1)));
  }
  if (!header.entities) return;
  // The file's entities, whichever modules are loaded now: the next start compares their declarations, as always.
  await prepareEmbedded(client, []);
  for (const entity of header.entities) await createEntityTable(client, entity);
}

async function fill(client: pg.Client, reader: BackupReader): Promise<void> {
  const { header } = reader;
  await createStrangers(client, header);
  const tables = await readTables(client);
  const forced = tables.filter((table) => table.isForced).map(quotedName);
  // COPY refuses a table whose rows it would have to check; its owner may suspend that for this transaction.
  for (const name of forced) await client.query(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`);
  for (const [place, table] of header.tables.entries())
    await load(client, table, reader.table(place));
  for (const { schema, name, value } of header.sequences) {
    const sequence = quotedName({ schema, name });
    await client.query('SELECT setval(to_regclass($1), $2::bigint)', [sequence, value]);
  }
  await client.query(leaveOldPlace);
  for (const name of forced) await client.query(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`);
  // The next start would else plan its first statements for empty tables.
  await client.query(`ANALYZE ${tables.map(quotedName).join(', ')}`);
}

// Transaction numbers of the old server may be higher than those that come: a reader of the feed would wait for ever. Webhooks read it
// from its beginning, and tell nobody twice; an older schema has none. Sweeps of the embedded ERP, whose cursors are such numbers, would
// find nothing or everything: they begin anew. Sessions that were ended since the backup would go on again.
const leaveOldPlace = `UPDATE tutti.engine SET state = 'gone';
  UPDATE tutti.run SET owner = NULL WHERE owner IS NOT NULL;
  UPDATE tutti.feed SET tx = tx - (SELECT max(tx) FROM tutti.feed);
  DO $$ BEGIN
    IF to_regclass('tutti.webhook_place') IS NOT NULL THEN UPDATE tutti.webhook_place SET tx = -9223372036854775808; END IF;
    IF to_regclass('tutti.hook_cursor') IS NOT NULL THEN
      UPDATE tutti.hook_cursor SET cursor = NULL, previous = NULL WHERE cursor ~ '^[0-9]+:[0-9]+$';
    END IF;
    IF to_regclass('tutti.session') IS NOT NULL THEN DELETE FROM tutti.session; END IF;
  END $$;`;

async function load(client: pg.Client, table: SavedTable, source: TableReader): Promise<void> {
  const into = client.query(from(`COPY ${quotedName(table)} (${columnList(table)}) FROM STDIN`));
  await pipeline(source.text, into);
  if (into.rowCount === source.rows()) return;
  throw invalid(`table ${nameOf(table)} has ${into.rowCount} rows, not ${source.rows()}`);
}

/** What somebody else put into our schemas comes back with its values, and without keys, indexes, defaults and rights. */
async function createStrangers(client: pg.Client, header: Header): Promise<void> {
  const known = new Map((await readTables(client)).map((table) => [nameOf(table), table.columns]));
  for (const table of header.tables) {
    const found = known.get(nameOf(table));
    if (!found) await client.query(`CREATE TABLE ${quotedName(table)} ()`);
    const names = new Set(found?.map(({ name }) => name));
    for (const { name, type } of table.columns.filter((column) => !names.has(column.name))) {
      const column = `${pg.escapeIdentifier(name)} ${type}`;
      await client.query(`ALTER TABLE ${quotedName(table)} ADD COLUMN ${column}`);
    }
  }
}

async function readNow(client: pg.Client): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('SELECT now() AS now');
  return rows[0]?.now ?? new Date();
}

async function countOpenRuns(client: pg.Client): Promise<number> {
  await client.query('SET LOCAL ROLE tutti_engine');
  const { rows } = await client.query<{ runs: number }>(
    'SELECT count(*)::int AS runs FROM tutti.run WHERE ended_at IS NULL',
  );
  return rows[0]?.runs ?? 0;
}
