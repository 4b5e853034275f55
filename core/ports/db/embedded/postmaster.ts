import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  fchownSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import * as path from 'node:path';
import type { Binaries } from './binaries.ts';
import { type Cluster, serverEnvironment } from './cluster.ts';
import { folderError } from './folders.ts';
import type { Endpoint } from './settings.ts';

/** What `postmaster.pid` says: the server's main process and where it listens. */
export interface Postmaster extends Endpoint {
  readonly pid: number;
}

const pidFile = 'postmaster.pid';
const largestLogBytes = 5_000_000;

/** Reads `postmaster.pid`; undefined when there is none, or a starting server has not written where it listens. */
export function readPostmaster(cluster: Cluster): Postmaster | undefined {
  const lines = readPidFile(cluster)?.split('\n') ?? [];
  // https://www.postgresql.org/docs/current/storage-file-layout.html — pid, data, start, port, socket folder, address
  const [pid, , , port, socketFolder, address] = lines;
  const host = cluster.transport === 'tcp' ? address : socketFolder;
  if (!pid || !port || !host?.trim()) return undefined;
  return { pid: Number(pid), port: Number(port), host: host.trim() };
}

/**
 * Says whether the server that `postmaster.pid` names is alive. A file that names another program (its number was used
 * again after a crash) is removed, because PostgreSQL would refuse to start; one that names no process needs nothing.
 */
export function isPostmasterAlive(cluster: Cluster): boolean {
  const text = readPidFile(cluster);
  const pid = pidIn(text);
  if (!pid || !isAlive(pid)) return false;
  if (isPostgresOf(cluster, pid)) return true;
  // Read again at once: a server that starts in between has its own pid in there.
  if (readPidFile(cluster) === text) rmSync(path.join(cluster.folder, pidFile), { force: true });
  return false;
}

/** The number in `postmaster.pid`, 0 for none. */
export function postmasterPid(cluster: Cluster): number {
  return pidIn(readPidFile(cluster));
}

function pidIn(text: string | undefined): number {
  return Number.parseInt(text ?? '', 10) || 0;
}

/** A server on its way up. */
export interface Starting {
  /** Settles when the process ends; what it logged says why. Never settles while the server runs. */
  readonly exited: Promise<string>;
  /** Lets this process end while the server goes on. */
  release(): void;
}

/** Starts the server as a process of its own that outlives this one and hears no Ctrl-C; it logs to a file. */
export function startPostmaster(cluster: Cluster, binaries: Binaries): Starting {
  const { log, size } = openLog(cluster);
  const windows = process.platform === 'win32';
  // On Windows only pg_ctl gives up the rights of an administrator, with which PostgreSQL refuses to run.
  const [program, args] = windows
    ? [binaries.pgCtl, ['start', '--wait', '-D', cluster.folder, '-l', `${cluster.logFile}.server`]]
    : [binaries.postgres, ['-D', cluster.folder]];
  const child = spawn(program, args, {
    cwd: path.parse(cluster.folder).root,
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    ...cluster.account,
  });
  closeSync(log);
  return {
    exited: exitOf(child, () => readFrom(cluster.logFile, size)),
    release: () => child.unref(),
  };
}

function exitOf(child: ChildProcess, readLog: () => string): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(readLog().trim() || `it ended with ${code ?? signal}`),
    );
  });
}

/** Asks the server to stop (fast: open transactions are rolled back); the caller waits until `postmaster.pid` is gone. */
export async function stopPostmaster(
  cluster: Cluster,
  pid: number,
  findPgCtl: () => Promise<string>,
): Promise<void> {
  if (process.platform !== 'win32') {
    process.kill(pid, 'SIGINT');
    return;
  }
  const program = await findPgCtl();
  await new Promise<void>((resolve) => {
    execFile(program, ['stop', '-m', 'fast', '-D', cluster.folder], () => resolve());
  });
}

function readPidFile(cluster: Cluster): string | undefined {
  try {
    return readFileSync(path.join(cluster.folder, pidFile), 'utf8');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether process `pid` is the server of this cluster: PostgreSQL's main process stands in its data folder, and no other
 * program has a reason to. A process that has ended and waits for its parent is not.
 */
export function isPostgresOf(cluster: Cluster, pid: number): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === cluster.folder;
    if (process.platform === 'win32') return true;
    return execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      'postgres',
    );
  } catch {
    return false;
  }
}

function openLog(cluster: Cluster): { readonly log: number; readonly size: number } {
  try {
    const size = fileSize(cluster.logFile);
    if (size > largestLogBytes) renameSync(cluster.logFile, `${cluster.logFile}.old`);
    const log = openSync(cluster.logFile, 'a', 0o600);
    // Root may start the server of another user, who must be able to do so, too.
    if (cluster.account) fchownSync(log, cluster.account.uid, cluster.account.gid);
    return { log, size: size > largestLogBytes ? 0 : size };
  } catch (error) {
    throw folderError(cluster.home, error);
  }
}

function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readFrom(file: string, offset: number): string {
  try {
    return readFileSync(file).subarray(offset).toString('utf8').slice(-1_000);
  } catch {
    return '';
  }
}
