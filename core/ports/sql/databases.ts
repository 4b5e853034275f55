import pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { DatabaseQuery, DatabaseRows, Databases } from '../../sdk/outside.ts';
import { Client, dropClient } from '../db/connection.ts';
import { readSecret } from '../secret.ts';
import { queryFault } from './fault.ts';
import { cleanUp, type QueryBounds, readRows } from './query.ts';
import { checkRights } from './rights.ts';
import { jsonTypes } from './values.ts';

/** A PostgreSQL database that tools may read, by a login that may not write. */
export interface DatabaseConfig {
  /** Name of the environment variable that holds its URL: it is a secret. */
  readonly urlFrom: string;
  /** @default 1000 */
  readonly maxRows?: number;
  /** Of one statement, milliseconds. @default 10000 */
  readonly timeoutMs?: number;
}

/** The databases of the configuration by name, connected on first use; a query ends when the signal aborts. */
export interface OpenedDatabases {
  of(signal: AbortSignal): Databases;
  close(): Promise<void>;
}

export type OpenDatabases = (
  config: Readonly<Record<string, DatabaseConfig>>,
  env: NodeJS.ProcessEnv,
) => OpenedDatabases;

/** Connections to one database: few, for what agents ask is slow and rare. */
const poolSize = 2;
const connectTimeoutMs = 5_000;
const usualMaxRows = 1_000;
const usualTimeoutMs = 10_000;

interface Opened {
  readonly pool: pg.Pool;
  /** A secret. */
  readonly url: string;
}

/** Opens nothing before the first query of each database. */
export const openDatabases: OpenDatabases = (config, env) => {
  const opened = new Map<string, Opened>();
  const open = (name: string): Opened => {
    const known = opened.get(name);
    if (known) return known;
    const url = addressOf(name, config, env);
    const made = { pool: openPool(name, url), url };
    opened.set(name, made);
    return made;
  };
  return {
    of: (signal) => ({
      async query(asked) {
        const { maxRows = usualMaxRows, timeoutMs = usualTimeoutMs } = configOf(asked, config);
        const bounds = { maxRows, timeoutMs };
        return await run(open(asked.database), asked, { signal, bounds });
      },
    }),
    async close() {
      await Promise.all([...opened.values()].map(({ pool }) => pool.end()));
    },
  };
};

function configOf(
  { database }: Pick<DatabaseQuery, 'database'>,
  config: Parameters<OpenDatabases>[0],
): DatabaseConfig {
  const found = Object.hasOwn(config, database) ? config[database] : undefined;
  if (found) return found;
  const names = Object.keys(config).join(', ') || 'none';
  throw new EngineError(
    'DATABASE_UNKNOWN',
    `There is no database '${database.slice(0, 100)}' in the configuration; there are: ${names}.`,
  );
}

/** @throws DATABASE_UNKNOWN without the address in its words: it may hold a password */
function addressOf(
  database: string,
  config: Parameters<OpenDatabases>[0],
  env: NodeJS.ProcessEnv,
): string {
  const { urlFrom } = configOf({ database }, config);
  const url = readSecret(urlFrom, env) ?? '';
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  const what = url === '' ? 'is not set' : 'holds no postgresql:// address';
  throw new EngineError(
    'DATABASE_UNKNOWN',
    `Database '${database}' has no address: the environment variable ${urlFrom} ${what}.`,
  );
}

function openPool(database: string, connectionString: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: 'tutti-tools',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    max: poolSize,
    types: jsonTypes as pg.CustomTypesConfig,
    Client,
    // pg-pool waits for the promise before anybody gets the connection.
    onConnect: (client: pg.ClientBase): Promise<void> => checkRights(client, database),
  } as unknown as pg.PoolConfig);
  // A lost idle connection is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  return pool;
}

interface Terms {
  readonly signal: AbortSignal;
  readonly bounds: QueryBounds;
}

/** @throws the signal's reason · QUERY_REFUSED · QUERY_FAILED */
async function run(
  { pool, url }: Opened,
  asked: DatabaseQuery,
  { signal, bounds }: Terms,
): Promise<DatabaseRows> {
  signal.throwIfAborted();
  const client = await pool.connect().catch((error: unknown) => {
    throw queryFault(error, asked.database);
  });
  let isClean = false;
  const stop = (): void => void cancel(client, url);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const rows = await readRows(client, asked, bounds);
    isClean = true;
    return rows;
  } catch (error) {
    signal.throwIfAborted();
    throw queryFault(error, asked.database);
  } finally {
    signal.removeEventListener('abort', stop);
    await leave(client, isClean && !signal.aborted);
  }
}

/** Gives a connection back; one whose query failed or was cancelled is closed, and takes its transaction with it. */
async function leave(client: pg.PoolClient, isClean: boolean): Promise<void> {
  if (!isClean) return client.release(true);
  const hasLeft = await cleanUp(client).then(
    () => true,
    () => false,
  );
  client.release(!hasLeft);
}

/** Asks the server to end what a connection runs, by another connection of the same login, and gives the connection up. */
async function cancel(client: pg.PoolClient, connectionString: string): Promise<void> {
  const { processID } = client as unknown as { readonly processID: number };
  const other = new Client({ connectionString, connectionTimeoutMillis: connectTimeoutMs });
  try {
    await other.connect();
    await other.query('SELECT pg_cancel_backend($1)', [processID]);
  } catch {
    // The statement's own limit of time ends it.
  } finally {
    dropClient(client as unknown as pg.Client);
    await other.end().catch(() => {});
  }
}
