import pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { translateDbError } from './db-error.ts';
import { columnTypes } from './values.ts';

/** Where the database is, as plain data: it can be sent to a thread, which then opens its own small pool. */
export interface ConnectionConfig {
  readonly connectionString?: string;
  /** A host name, or the folder of a Unix socket. */
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly database?: string;
  readonly password?: string;
}

/**
 * Who a connection acts as. `tutti_engine` sees every tenant (journal, scheduler, reconciler); `tutti_tenant` sees only the
 * tenant that its transaction names (API, tools, connector, MCP).
 */
export type Role = 'tutti_engine' | 'tutti_tenant';

const connectTimeoutMs = 5_000;
// Until the first probe of a silent connection; on Linux Node sends ten of them, a second apart, before it gives the connection up.
const keepAliveAfterMs = 10_000;
const statementTimeoutMs = 30_000;
const idleInTransactionTimeoutMs = 60_000;
/** The server's own limit comes first; this one, milliseconds, answers only when the network is dead and no answer can come. */
export const queryTimeoutMs = statementTimeoutMs + 5_000;

interface ClientOptions {
  /** Sends a query before the one before it is answered. @default false */
  readonly pipeline?: boolean;
  /** How long a query may stay without an answer before the connection is given up. @default none */
  readonly queryTimeoutMs?: number;
}

interface PoolOptions {
  readonly size: number;
  /** How long somebody may wait for a connection while others have them all. @default 5000 */
  readonly waitMs?: number;
}

/** The options of every connection to `config`: keep-alive, time limit for connecting, our column types. */
export function clientConfig(
  config: ConnectionConfig,
  options: ClientOptions = {},
): pg.ClientConfig {
  return {
    ...config,
    application_name: 'tutti',
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    connectionTimeoutMillis: connectTimeoutMs,
    types: columnTypes as pg.CustomTypesConfig,
    ...(options.pipeline && { pipeline: true }),
    ...(options.queryTimeoutMs !== undefined && { query_timeout: options.queryTimeoutMs }),
  };
}

/** Says whether an address can be read, with the files that it names. @throws CONFIG_INVALID without the address in its words: it may hold a password */
export function checkDatabaseUrl(url: string): void {
  try {
    new pg.Client({ connectionString: url });
  } catch (cause) {
    throw new EngineError(
      'CONFIG_INVALID',
      `DATABASE_URL cannot be read (${(cause as Error).message}); write postgresql://user:password@host:5432/database, with %23 for a # of user and password, %2F for a /, %40 for an @.`,
      { cause },
    );
  }
}

/**
 * A pg client that is gone after a query timed out on our side. pg itself would hand the same client out again, with the
 * answer of the lost query still to come (brianc/node-postgres#2973, #3399).
 */
export class Client extends pg.Client {
  constructor(config: pg.ClientConfig) {
    // A pool's own limit counts the wait for a connection that is lent out, too, and may be longer.
    super({ ...config, connectionTimeoutMillis: connectTimeoutMs });
    // Without a listener the loss of a connection ends the process, also of one that a pool has lent out; the next query reports it.
    this.on('error', () => {});
    const send = this.query.bind(this) as (...args: readonly unknown[]) => unknown;
    const drop = (error: unknown) => {
      if (!(error instanceof Error) || error.message !== 'Query read timeout') return;
      dropClient(this);
    };
    const query = (...args: readonly unknown[]): unknown => {
      const done = args.at(-1);
      if (typeof done === 'function') {
        return send(...args.slice(0, -1), (error: unknown, result: unknown) => {
          drop(error);
          done(error, result);
        });
      }
      const result = send(...args);
      if (result instanceof Promise) result.catch(drop);
      return result;
    };
    this.query = query as pg.Client['query'];
  }
}

/** Gives a connection up without a word to the server, which may not answer; its queries fail at once. */
export function dropClient(client: pg.Client): void {
  client.connection.stream.destroy();
}

/** Opens one connection as the login user, for migrations and administration. @throws DB_UNAVAILABLE */
export async function openLogin(
  config: ConnectionConfig,
  signal?: AbortSignal,
): Promise<pg.Client> {
  signal?.throwIfAborted();
  const client = new Client(clientConfig(config));
  try {
    await client.connect();
    await client.query(session);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw translateDbError(error);
  }
}

/**
 * Opens one dedicated connection that acts as `role`: no limit on a statement's time but `queryTimeoutMs`, none on its life.
 * @throws DB_UNAVAILABLE
 */
export async function openClient(
  config: ConnectionConfig,
  role: Role,
  options: ClientOptions = {},
): Promise<pg.Client> {
  const client = new Client(clientConfig(config, options));
  try {
    await client.connect();
    await client.query(`${session}; SET ROLE ${role}`);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw translateRoleError(error, role);
  }
}

/**
 * Opens a pool of at most `size` connections that act as `role`; it connects on first use. Statements end after 30 s,
 * transactions that stand idle after 60 s, idle connections after 10 s. Connections for tenants send what follows without waiting
 * for the answer before (`readInTenant`). Whoever opens it ends it.
 */
export function openPool(
  config: ConnectionConfig,
  role: Role,
  { size, waitMs = connectTimeoutMs }: PoolOptions,
): pg.Pool {
  const pipeline = role === 'tutti_tenant';
  const limits = `SET statement_timeout = ${statementTimeoutMs}`;
  const pool = new pg.Pool({
    ...clientConfig(config, { queryTimeoutMs, pipeline }),
    connectionTimeoutMillis: waitMs,
    Client,
    max: size,
    // pg-pool waits for the promise before anybody gets the connection, so none is handed out as the login user.
    onConnect: (client: pg.ClientBase): Promise<unknown> =>
      client.query(`${session}; ${limits}; SET ROLE ${role}`).catch((error: unknown) => {
        throw translateRoleError(error, role);
      }),
  } as unknown as pg.PoolConfig);
  // A lost idle connection is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  return pool;
}

// One round trip. Dates and times are parsed in ISO form and UTC whatever the server's settings are.
const session = [
  `SET search_path = tutti`,
  `SET timezone = 'UTC'`,
  `SET datestyle = 'ISO'`,
  `SET idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs}`,
].join('; ');

function translateRoleError(error: unknown, role: Role): EngineError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  if (code !== '42501' && code !== '22023') return translateDbError(error);
  return new EngineError(
    'DB_UNAVAILABLE',
    `The login user of the database may not act as ${role}; as an administrator run: GRANT ${role} TO <login user>.`,
    { cause: error },
  );
}
