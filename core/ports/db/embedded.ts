import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { ConnectionConfig } from './connection.ts';
import { translateDbError } from './db-error.ts';
import { findBinaries } from './embedded/binaries.ts';
import { type Cluster, locateCluster, type Transport } from './embedded/cluster.ts';
import { join, type Session } from './embedded/join.ts';
import {
  isPostgresOf,
  type Postmaster,
  readPostmaster,
  stopPostmaster,
} from './embedded/postmaster.ts';
import { advisoryLocks } from './locks.ts';

/*
 * Our own PostgreSQL, shared by all Tutti processes on one data folder without a lock file or a supervisor:
 *
 *   down ── start it ──▶ busy (starting, stopping, recovering) ── connects ──▶ joined (shared advisory lock held)
 *    ▲                                                                            │ leave: unlock, try exclusive
 *    └── the last one out stops the server ◀── got it ────────────────────────────┘ (not got: others are joined)
 *
 * A server that a killed process left behind holds no shared lock and is joined like any other.
 */

/** A running server that this process shares until it leaves. */
export interface EmbeddedServer {
  /** Plain data for further connections, to database `tutti` as `tutti`; stays true when the server is replaced. */
  readonly connection: ConnectionConfig;
  /** Lets go of the server and, as the last process, stops it and waits for its end. Safe to call twice. */
  leave(): Promise<void>;
}

interface EmbeddedOptions {
  /** Holds the database in `pg`, or a pointer to it where root's server could not reach. */
  readonly dataFolder: string;
  readonly signal?: AbortSignal;
  /** @default socket, on Windows tcp */
  readonly transport?: Transport;
}

const pauseMs = 5;
const rejoinPauseMs = 500;
const stopPatienceMs = 60_000;
const exitPatienceMs = 5_000;

/**
 * Joins the server of a data folder; starts it, and makes its database, when need be. While joined it is kept up: when it is
 * killed, the processes that use it start a new one.
 * @throws DATA_FOLDER, DB_FULL, DB_VERSION, DB_UNAVAILABLE
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const transport = options.transport ?? (process.platform === 'win32' ? 'tcp' : 'socket');
  const cluster = await locateCluster(options.dataFolder, transport);
  const session = await join(cluster, options.signal);
  const membership = new Membership(cluster, session);
  await createDatabase(session.client).catch(async (error: unknown) => {
    await membership.leave();
    throw error;
  });
  return {
    connection: { ...session.config, database: 'tutti' },
    leave: () => membership.leave(),
  };
}

/** Holds the session with the lock and takes a new one whenever the server went away. */
class Membership {
  readonly #cluster: Cluster;
  readonly #left = new AbortController();
  #session: Session;
  #rejoining: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  constructor(cluster: Cluster, session: Session) {
    this.#cluster = cluster;
    this.#session = session;
    this.#watch(session);
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  #watch(session: Session): void {
    session.client.once('end', () => {
      if (!this.#left.signal.aborted) this.#rejoining = this.#rejoin();
    });
  }

  // A client that lost its server is dead for good, and the lock went with it.
  async #rejoin(): Promise<void> {
    while (!this.#left.signal.aborted) {
      try {
        this.#session = await join(this.#cluster, this.#left.signal);
        this.#watch(this.#session);
        return;
      } catch {
        // Whoever queries meanwhile gets DB_UNAVAILABLE with the reason; here the only answer is to try again.
        await sleep(rejoinPauseMs, undefined, { ref: false });
      }
    }
  }

  async #leave(): Promise<void> {
    this.#left.abort();
    await this.#rejoining;
    const { client } = this.#session;
    const postmaster = readPostmaster(this.#cluster);
    try {
      if (postmaster && (await isLast(client))) await stop(this.#cluster, postmaster);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Gives the shared lock back and says whether nobody else holds it; then this session holds it alone. */
async function isLast(client: pg.Client): Promise<boolean> {
  try {
    await client.query(`SELECT pg_advisory_unlock_shared(${advisoryLocks.embeddedServer})`);
    const { rows } = await client.query<{ last: boolean }>(
      `SELECT pg_try_advisory_lock(${advisoryLocks.embeddedServer}) AS last`,
    );
    return rows[0]?.last === true;
  } catch {
    // The server died or is being stopped: there is nothing left to leave.
    return false;
  }
}

/** Runs while the exclusive lock is held: a newcomer waits for it, is thrown out with the rest and starts a new server. */
async function stop(cluster: Cluster, postmaster: Postmaster): Promise<void> {
  const findPgCtl = async () => (await findBinaries(cluster.home, cluster.account)).pgCtl;
  await stopPostmaster(cluster, postmaster.pid, findPgCtl);
  const hasEnded = () => !isPostgresOf(cluster, postmaster.pid);
  // PostgreSQL removes the file as its last act but one; another pid in it is a newcomer's server.
  const hasStopped = () => readPostmaster(cluster)?.pid !== postmaster.pid || hasEnded();
  if (!(await until(hasStopped, stopPatienceMs))) {
    const message = `The database did not stop within 60 s; see ${cluster.logFile}.`;
    throw new EngineError('DB_UNAVAILABLE', message);
  }
  // On Windows pg_ctl has waited for this.
  if (process.platform !== 'win32') {
    await until(hasEnded, exitPatienceMs);
  }
}

/** Waits for `holds`, at most `patienceMs`, and returns whether it does. */
async function until(holds: () => boolean, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > deadline) return false;
    await sleep(pauseMs);
  }
  return true;
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'tutti'`);
  if (rowCount !== 0) return;
  await client.query('CREATE DATABASE tutti').catch((error: { readonly code?: string }) => {
    // Several processes at a first start: duplicate_database, or unique_violation when both got that far.
    if (error.code !== '42P04' && error.code !== '23505') throw translateDbError(error);
  });
}
