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
import { BackupWriter, type Destination } from './write-file.ts';

/** What a backup is asked for. */
export interface SaveOptions extends Destination {
  /** The release of Tutti, for the header. */
  readonly release: string;
  /** Ends the backup; nothing is left behind. */
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Saved {
  readonly sizeBytes: number;
  readonly rows: number;
  readonly header: Header;
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
    const tables = await readTables(client);
    const header = { release: options.release, ...facts, tables: tables.map(savedPart) };
    const writer = await BackupWriter.open(options, header);
    try {
      for (const table of tables) await copyTable(client, table, { writer, ...options });
      await client.query('COMMIT');
      return { ...(await writer.finish()), header };
    } catch (error) {
      await writer.discard();
      throw error;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateDbError(error);
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
  { writer, signal }: { readonly writer: BackupWriter; readonly signal?: AbortSignal },
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
