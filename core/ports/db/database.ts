import type { Kysely, RawBuilder } from 'kysely';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { EncryptionConfig } from '../encryption/config.ts';
import type { SecretPlace } from '../secret.ts';
import {
  type ConnectionConfig,
  checkDatabaseUrl,
  dropClient,
  openClient,
  openLogin,
  openPool,
  type Role,
} from './connection.ts';
import { rethrowTranslated, translateDbError } from './db-error.ts';
import { inTenant, type OpenKysely, openKysely, rowsInTenant } from './kysely.ts';
import { inSchemaTransaction, migrate } from './migrate.ts';
import { ensurePartitions } from './partitions.ts';
import type { Tables } from './tables.ts';
import { checkTenancy } from './tenancy.ts';
import { keepVault, type Vault } from './vault.ts';

/** The engine's way to PostgreSQL: everything it hands out is released by `close`. */
export interface Database {
  /** Plain data; a thread opens its own pool with `openPool(connectionConfig, role, { size })`. */
  readonly connectionConfig: ConnectionConfig;
  /**
   * Opens a dedicated connection that acts as `role`, without a limit on a statement's time: the journal (with `pipeline`),
   * LISTEN, the heartbeat. The caller may end it earlier than `close` does. @throws DB_UNAVAILABLE
   */
  connect(role: Role, options?: { readonly pipeline?: boolean }): Promise<pg.Client>;
  /** Opens a pool of at most `size` connections that act as `role`. */
  pool(role: Role, size: number): pg.Pool;
  /** Typed queries as `role`, over one pool of 4 connections a role. */
  kysely(role: Role): Kysely<Tables>;
  /**
   * Runs `work` in one transaction as `tutti_tenant` that sees the rows of one tenant only. A failed statement throws pg's
   * error with its SQLSTATE in `code`, here and from `kysely` and `pool`; `translateDbError` makes it one of ours.
   */
  asTenant<T>(tenantId: number, work: (transaction: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** What one statement finds of one tenant: as `asTenant` does it, in a single round trip (`readInTenant`). */
  rowsOf<T>(tenantId: number, query: RawBuilder<T>): Promise<readonly T[]>;
  /**
   * Runs `work` as the login user in one transaction and alone among all processes, for changes of the schema. It waits for whoever
   * else does so, as long as a backup takes; `signal` ends that, and rolls back what is under way.
   * @throws what `work` throws, after rolling back
   */
  admin<T>(work: (client: pg.Client) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Makes the monthly partitions that `now` makes due, as `admin` does; call it once a day. Opening does it, too.
   * @throws DB_UNAVAILABLE when somebody keeps a table busy: what is missing is made the next time
   */
  ensurePartitions(now: Date, signal?: AbortSignal): Promise<void>;
  /** Ends every pool and connection, last opened first, then leaves the embedded server. Called twice, both wait for the same end. */
  close(): Promise<void>;
}

interface DatabaseOptions {
  /** How what is stored of runs is encrypted; `env` holds the keys. @default it is not */
  readonly encryption?:
    | { readonly config: EncryptionConfig; readonly env: SecretPlace }
    | undefined;
  /** A PostgreSQL 15 or later; without it Tutti runs its own under `dataFolder`. */
  readonly url?: string | undefined;
  readonly dataFolder: string;
  readonly signal?: AbortSignal;
}

const kyselyPoolSize = 4;
const keyPoolSize = 2;
const poolEndPatienceMs = 5_000;

/**
 * Opens the database, brings its schema up to date and makes the partitions that are due.
 * @throws DATA_FOLDER, DB_FULL, DB_VERSION, DB_UNAVAILABLE, CONFIG_INVALID (a right is missing on a foreign server, or tenants would not be kept apart)
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const releasers = new Releasers();
  try {
    const config = await connectionOf(options, releasers);
    const login = await openLogin(config, options.signal);
    await prepare(login).finally(() => login.end());
    const vault = options.encryption && (await openVault(options.encryption));
    return openOn(config, releasers, vault);
  } catch (error) {
    await releasers.release();
    throw error;
  }
}

async function prepare(login: pg.Client): Promise<void> {
  await migrate(login);
  await checkTenancy(login);
}

async function connectionOf(
  options: DatabaseOptions,
  releasers: Releasers,
): Promise<ConnectionConfig> {
  if (options.url) {
    checkDatabaseUrl(options.url);
    return { connectionString: options.url };
  }
  const { dataFolder, signal } = options;
  // Who has a server loads nothing of ours.
  const { openEmbedded } = await import('./embedded.ts');
  const server = await openEmbedded({ dataFolder, ...(signal && { signal }) });
  releasers.add(() => server.leave());
  return server.connection;
}

type VaultOf = (pool: () => pg.Pool) => Vault;

/** Who does not encrypt loads nothing of it. */
async function openVault({
  config,
  env,
}: Required<DatabaseOptions>['encryption'] & object): Promise<VaultOf> {
  const [{ sealedVault }, { readMasterKeys }] = await Promise.all([
    import('../encryption/sealed-vault.ts'),
    import('../encryption/master-keys.ts'),
  ]);
  let masters: ReturnType<typeof readMasterKeys> | null = null;
  return (pool) => sealedVault({ pool, masters: () => (masters ??= readMasterKeys(config, env)) });
}

function openOn(
  connectionConfig: ConnectionConfig,
  releasers: Releasers,
  vaultOver?: VaultOf,
): Database {
  const pool = (role: Role, size: number): pg.Pool => {
    const opened = openPool(connectionConfig, role, { size });
    if (vault) keepVault(opened, vault);
    releasers.add(() => endPool(opened));
    return opened;
  };
  let keyPool: pg.Pool | null = null;
  const vault = vaultOver?.(() => (keyPool ??= pool('tutti_engine', keyPoolSize)));
  const kyselies = new Map<Role, OpenKysely>();
  const typed = (role: Role): OpenKysely => {
    const opened = kyselies.get(role) ?? openKysely(pool(role, kyselyPoolSize));
    kyselies.set(role, opened);
    return opened;
  };
  const admin: Database['admin'] = (work, signal) => runAdmin(connectionConfig, work, signal);
  const database: Database = {
    connectionConfig,
    async connect(role, options) {
      const client = await openClient(connectionConfig, role, options);
      releasers.add(() => client.end());
      if (vault) keepVault(client, vault);
      return client;
    },
    pool,
    kysely: (role) => typed(role).kysely,
    asTenant: (tenantId, work) => inTenant(typed('tutti_tenant').kysely, tenantId, work),
    rowsOf: (tenantId, query) => rowsInTenant(typed('tutti_tenant'), tenantId, query),
    admin,
    ensurePartitions: (now, signal) => keepPartitions(admin, now, signal).catch(rethrowTranslated),
    close: () => releasers.release(),
  };
  if (vault) keepVault(database, vault);
  return database;
}

/** How often a busy table is asked for, and how long everybody else has it in between. */
const tries = 5;
const pauseMs = 200;

async function keepPartitions(
  admin: Database['admin'],
  now: Date,
  signal?: AbortSignal,
): Promise<void> {
  for (let tried = 1; tried <= tries; tried++) {
    if (await admin((client) => ensurePartitions(client, now), signal)) return;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new EngineError(
    'DB_UNAVAILABLE',
    'A table was read for so long that the partitions of the coming months could not be made; end what reads it (a backup, a report). Until then nothing is lost.',
  );
}

async function runAdmin<T>(
  config: ConnectionConfig,
  work: (client: pg.Client) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = await openLogin(config, signal);
  const drop = (): void => dropClient(client);
  signal?.addEventListener('abort', drop);
  try {
    return await inSchemaTransaction(client, () => work(client));
  } finally {
    signal?.removeEventListener('abort', drop);
    await client.end().catch(() => {});
  }
}

/** A connection that somebody forgot to give back must not keep the process from stopping. */
async function endPool(pool: pg.Pool): Promise<void> {
  if (pool.ending) return;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, poolEndPatienceMs);
  });
  await Promise.race([pool.end(), patience]);
  clearTimeout(timer);
}

/** Undoes acquisitions, last first; all of them, and then the first failure is thrown. */
class Releasers {
  readonly #stack: (() => Promise<void>)[] = [];
  #releasing: Promise<void> | null = null;

  add(release: () => Promise<void>): void {
    this.#stack.push(release);
  }

  /** Whoever asks while others are released waits for those, too. */
  release(): Promise<void> {
    this.#releasing = (this.#releasing ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#release());
    return this.#releasing;
  }

  async #release(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.#stack.pop(); next; next = this.#stack.pop()) {
      await next().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw translateDbError(failures[0]);
  }
}
