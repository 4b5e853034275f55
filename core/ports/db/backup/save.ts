import type pg from 'pg';
import { to } from 'pg-copy-streams';
import { EngineError } from '../../../base/errors.ts';
import { translateDbError } from '../db-error.ts';
import { advisoryLocks } from '../locks.ts';
import {
  columnList,
  type FoundTable,
  quotedName,
  readFacts,
  readTables,
  roleSql,
} from './catalogue.ts';
import type { Header } from './header.ts';
import { isKeyTable, keysPathOf } from './keys.ts';
import { BackupWriter, type Destination } from './write-file.ts';

/** What a backup is asked for. */
export interface SaveOptions extends Destination {
  /** The release of Tutti, for the header. */
  readonly release: string;
  /** Where data keys go. @default beside the backup, with `.keys` behind its name */
  readonly keysPath?: string | undefined;
  /** Ends the backup; nothing is left behind. */
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Saved {
  readonly sizeBytes: number;
  readonly rows: number;
  readonly header: Header;
  /** The file with the data keys; null: nothing is encrypted. */
  readonly keysPath: string | null;
}

/**
 * Writes every row of both schemas, as one moment saw them, into one file, in constant memory. It only reads: engines go on,
 * their flushes wait for nothing. Changes of the schema (a new month, retention) and the start of other processes wait until
 * it has ended, at the advisory lock and not at a table, where the journal would queue behind them. `client` is the login
 * user's, and is to be closed afterwards.
 * @throws INPUT_INVALID · CONFIG_INVALID · DB_*
 */
export async function saveDatabase(client: pg.Client, options: SaveOptions): Promise<Saved> {
  try {
    // Before the transaction, whose snapshot would otherwise be older than the change that it waited for.
    await client.query(`SELECT pg_advisory_lock_shared(${advisoryLocks.schema})`);
    await refuseEmpty(client);
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL bytea_output = 'hex'`,
    );
    const facts = await readFacts(client);
    const all = await readTables(client);
    const keyTables = (await hasKeys(client, all)) ? all.filter(isKeyTable) : [];
    const tables = all.filter((table) => !keyTables.includes(table));
    const { release } = options;
    const keysPath = keyTables.length > 0 ? (options.keysPath ?? keysPathOf(options.path)) : null;
    const { isForced } = options;
    const files = [
      ...(keysPath === null ? [] : [{ to: { path: keysPath, isForced }, tables: keyTables }]),
      { to: options, tables },
    ].map((file) => ({
      ...file,
      header: { release, ...facts, tables: file.tables.map(savedPart) },
    }));
    const written = await writeFiles(client, files, options.signal);
    const { header } = files.at(-1) as SavedFile;
    return { ...written, header, keysPath };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateDbError(error);
  }
}

/** Whether any body has a data key. */
async function hasKeys(client: pg.Client, tables: readonly FoundTable[]): Promise<boolean> {
  const table = tables.find(isKeyTable);
  if (!table) return false;
  await client.query(roleSql(table));
  const { rowCount } = await client.query(`SELECT FROM ${quotedName(table)} LIMIT 1`);
  return rowCount !== 0;
}

/** What goes into one file. */
interface SavedFile {
  readonly to: Destination;
  readonly tables: readonly FoundTable[];
  readonly header: Header;
}

/**
 * Writes files that come into their places together, or not at all: data keys that nobody knows of would open what is erased later.
 * Their places are looked at before anything is read, and nothing is held in the database while they go to the disk. Returns what the
 * last of them has.
 */
async function writeFiles(
  client: pg.Client,
  files: readonly SavedFile[],
  signal: AbortSignal | undefined,
): Promise<{ readonly sizeBytes: number; readonly rows: number }> {
  const writers: BackupWriter[] = [];
  try {
    for (const { to, header } of files) writers.push(await BackupWriter.open(to, header));
    for (const [index, { tables }] of files.entries())
      for (const table of tables)
        await copyTable(client, table, { writer: writers[index] as BackupWriter, signal });
    await client.query('COMMIT');
    let written = { sizeBytes: 0, rows: 0 };
    for (const writer of writers) written = await writer.end();
    for (const writer of writers) await writer.place();
    return written;
  } finally {
    for (const writer of writers) await writer.discard();
  }
}

async function refuseEmpty(client: pg.Client): Promise<void> {
  const { rows } = await client.query(`SELECT to_regclass('tutti.meta') AS meta`);
  if (rows[0]?.meta !== null) return;
  const message =
    'This database holds nothing of Tutti yet; check TUTTI_DATA and DATABASE_URL: they name what is backed up.';
  throw new EngineError('INPUT_INVALID', message);
}

/** The roles and rights of this server are not of the file. */
function savedPart({ schema, name, columns }: FoundTable): Header['tables'][number] {
  return { schema, name, columns };
}

async function copyTable(
  client: pg.Client,
  table: FoundTable,
  { writer, signal }: { readonly writer: BackupWriter; readonly signal: AbortSignal | undefined },
): Promise<void> {
  await client.query(roleSql(table));
  // COPY reads a partitioned table by a query only.
  const copy = client.query(
    to(`COPY (SELECT ${columnList(table)} FROM ${quotedName(table)}) TO STDOUT`),
  );
  const text = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of copy) {
      signal?.throwIfAborted();
      yield chunk as Buffer;
    }
  };
  await writer.table(table, text(), async () => {
    // The count comes after the rows; the answer to another query says that it is here.
    await client.query('SELECT');
    return copy.rowCount;
  });
}
