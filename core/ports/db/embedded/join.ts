import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { EngineError } from '../../../base/errors.ts';
import { Client, type ConnectionConfig, clientConfig } from '../connection.ts';
import { translateDbError } from '../db-error.ts';
import { advisoryLocks } from '../locks.ts';
import { findBinaries } from './binaries.ts';
import { type Cluster, clusterPassword, configureCluster, ensureCluster } from './cluster.ts';
import { folderError } from './folders.ts';
import {
  isPostmasterAlive,
  type Postmaster,
  postmasterPid,
  readPostmaster,
  startPostmaster,
} from './postmaster.ts';

/** One process's part in a running server. */
export interface Session {
  /** Holds the shared lock, in database `postgres`. */
  readonly client: pg.Client;
  /** Without a database. */
  readonly config: ConnectionConfig;
}

/** How long `join` waits, ms. */
interface Patience {
  /** Without any sign of life. @default 30,000 */
  readonly silentMs: number;
  /** For a server whose process lives and does not answer, as on a machine with far too much to do. @default 300,000 */
  readonly mutedMs: number;
}

const usualPatience: Patience = { silentMs: 30_000, mutedMs: 300_000 };
const pauseMs = 20;

/**
 * Joins the cluster's server and takes the shared lock; starts the server, and makes the cluster, when need be. One that says that
 * it starts, recovers or stops is waited for without end. Once `silentMs` have passed, a warning says what is waited for.
 * @throws DATA_FOLDER, DB_FULL, DB_VERSION; DB_UNAVAILABLE when the patience is over
 */
export async function join(
  cluster: Cluster,
  signal?: AbortSignal,
  patience = usualPatience,
): Promise<Session> {
  const from = performance.now();
  let heardAt = from;
  let livedAt = from;
  let reason = 'it does not answer';
  const isPatient = (): boolean => {
    const now = performance.now();
    return now - livedAt <= patience.silentMs && now - heardAt <= patience.mutedMs;
  };
  const warn = warnOnce((text) => process.emitWarning(text));
  for (;;) {
    signal?.throwIfAborted();
    // What happened while this process itself stood still, nobody has looked at: the last look begins when the patience is over.
    const isLast = !isPatient();
    const attempt = await tryJoin(cluster);
    if (attempt.kind === 'joined') return attempt.session;
    if (attempt.kind === 'down') {
      const started = await start(cluster);
      if (started.kind === 'joined') return started.session;
      reason = started.reason;
    } else {
      reason = attempt.reason;
      // The server says that it is starting, recovering or stopping: however long that takes, it goes on.
      if (attempt.alive) heardAt = performance.now();
      if (attempt.alive || isPostmasterAlive(cluster)) livedAt = performance.now();
    }
    if (performance.now() - from > patience.silentMs) warn(waitedFor(cluster, reason));
    if (isLast && !isPatient()) break;
    await sleep(pauseMs);
  }
  const message = `The database in ${cluster.folder} could not be reached: ${waitedFor(cluster, reason)}; see ${cluster.logFile}.`;
  throw new EngineError('DB_UNAVAILABLE', message);
}

function warnOnce(warn: (text: string) => void): (text: string) => void {
  let isTold = false;
  return (text) => {
    if (!isTold) warn(`Tutti waits for its database: ${text}.`);
    isTold = true;
  };
}

function waitedFor(cluster: Cluster, reason: string): string {
  const pid = isPostmasterAlive(cluster) ? postmasterPid(cluster) : 0;
  if (pid === 0) return reason;
  return `process ${pid} runs its server in ${cluster.folder} and does not answer yet (${reason})`;
}

type Attempt =
  | { readonly kind: 'joined'; readonly session: Session }
  | { readonly kind: 'busy'; readonly reason: string; readonly alive: boolean }
  | { readonly kind: 'down' };

async function tryJoin(cluster: Cluster): Promise<Attempt> {
  const postmaster = readPostmaster(cluster);
  if (!postmaster)
    return {
      kind: isPostmasterAlive(cluster) ? 'busy' : 'down',
      reason: 'it starts',
      alive: false,
    };
  const config = configOf(cluster, postmaster);
  const client = new Client(clientConfig({ ...config, database: 'postgres' }));
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(`SELECT pg_advisory_lock_shared(${advisoryLocks.embeddedServer})`);
    return { kind: 'joined', session: { client, config } };
  } catch (error) {
    await client.end().catch(() => {});
    return missed(cluster, error);
  }
}

function configOf(cluster: Cluster, postmaster: Postmaster): ConnectionConfig {
  const password = clusterPassword(cluster);
  const { host, port } = postmaster;
  return { host, port, user: 'tutti', ...(password !== undefined && { password }) };
}

// A server that stops or crashes under a newcomer: 57P01 57P02 57P03, or a socket that drops; 53300 passes when others leave.
const passing = new Set(['57P01', '57P02', '53300', 'ECONNRESET', 'EPIPE']);

function missed(cluster: Cluster, error: unknown): Attempt {
  const { code = '', message } = error as { readonly code?: string; readonly message: string };
  if (code === '57P03') return { kind: 'busy', reason: message, alive: true };
  if (passing.has(code) || /terminated|timeout/.test(message)) {
    return { kind: 'busy', reason: message, alive: false };
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return isPostmasterAlive(cluster)
      ? { kind: 'busy', reason: code, alive: false }
      : { kind: 'down' };
  }
  throw translateDbError(error);
}

// Another process was faster, or the processes of a killed server still end: the next attempt finds out which.
const lostRace =
  /lock file .* (already exists|is empty)|pre-existing shared memory block|Address already in use/;

async function start(cluster: Cluster): Promise<Attempt & { readonly reason: string }> {
  const binaries = await findBinaries(cluster.home, cluster.account).catch((error: unknown) => {
    throw folderError(cluster.home, error);
  });
  await ensureCluster(cluster, binaries);
  await configureCluster(cluster);
  const server = startPostmaster(cluster, binaries);
  server.release();
  const exited = server.exited.then((reason) => ({ kind: 'exited', reason }) as const);
  while (true) {
    const outcome = await Promise.race([exited, sleep(pauseMs / 4, { kind: 'waiting' } as const)]);
    if (outcome.kind === 'exited' && process.platform !== 'win32') {
      if (lostRace.test(outcome.reason))
        return { kind: 'busy', alive: false, reason: outcome.reason };
      throw startFailure(cluster, outcome.reason);
    }
    const attempt = await tryJoin(cluster);
    if (attempt.kind === 'joined') return { ...attempt, reason: '' };
    if (attempt.kind === 'busy' && outcome.kind === 'exited') return attempt;
  }
}

function startFailure(cluster: Cluster, log: string): EngineError {
  const reason = (log.match(/(FATAL|PANIC): .*/)?.[0] ?? log.slice(-300)).replaceAll(/\s+/g, ' ');
  if (/No space left/.test(log)) {
    return new EngineError(
      'DB_FULL',
      `The disk of ${cluster.folder} is full; free space and start again.`,
    );
  }
  const folder = /permission|ownership|could not (access|open|create|read)|Read-only/i.test(log);
  const message = `The database in ${cluster.folder} does not start: ${reason}; correct that (log: ${cluster.logFile}), or set DATABASE_URL.`;
  return new EngineError(folder ? 'DATA_FOLDER' : 'DB_UNAVAILABLE', message);
}
