import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { EngineError } from '../../../base/errors.ts';
import { type Account, loginNames, serverAccount } from './account.ts';
import type { Binaries } from './binaries.ts';
import { absent, folderError, openHome, openSocketFolder, statIfThere } from './folders.ts';
import { accessRules, type Endpoint, loginMap, serverSettings } from './settings.ts';

/** One PostgreSQL cluster on disk and the user its server runs as. */
export interface Cluster {
  /** The folder that holds `folder`; drafts of a first initdb stand beside it. */
  readonly home: string;
  /** PGDATA. */
  readonly folder: string;
  /** Undefined: the user of this process. */
  readonly account: Account | undefined;
  readonly transport: Transport;
  readonly logFile: string;
}

/** Node cannot use PostgreSQL's Unix sockets on Windows; there the server listens on 127.0.0.1 and asks for a password. */
export type Transport = 'socket' | 'tcp';

const passwordFile = 'tutti.password';
const endpointFile = 'tutti.endpoint';
// A first initdb takes a second; a draft this old was left by a process that died.
const draftLifeMs = 600_000;

/** Finds the place of the cluster and who runs it; makes the data folder, not the cluster. @throws DATA_FOLDER, DB_FULL, DB_UNAVAILABLE */
export async function locateCluster(dataFolder: string, transport: Transport): Promise<Cluster> {
  const existing = await statIfThere(path.join(dataFolder, 'pg')).catch(() => undefined);
  const home = await openHome(dataFolder, serverAccount(existing));
  const place = path.join(home, 'pg');
  const stats = await statIfThere(place).catch((error) => {
    throw folderError(place, error);
  });
  const folder = stats ? await fs.realpath(place) : place;
  const account = serverAccount(stats);
  if (stats && process.getuid && account === undefined && stats.uid !== process.getuid()) {
    const message = `The database in ${folder} belongs to user id ${stats.uid}; run as that user, or give the folder to this one (chown -R).`;
    throw new EngineError('DATA_FOLDER', message);
  }
  // A user without a name can neither run the server nor log in to it: say so before anything is made.
  if (transport === 'socket') loginNames(account);
  if (stats?.uid === 0 && account !== undefined) await giveTo(folder, account);
  return { home, folder, account, transport, logFile: path.join(home, 'postgres.log') };
}

/** Makes the cluster unless it is there. Several processes may try at once: each makes a draft, the first rename wins. */
export async function ensureCluster(cluster: Cluster, binaries: Binaries): Promise<void> {
  const version = await fs.readFile(path.join(cluster.folder, 'PG_VERSION'), 'utf8').catch(absent);
  if (version !== undefined) return checkMajor(cluster, Number(version), binaries.major);
  await removeOldDrafts(cluster.home);
  const draft = path.join(cluster.home, `init-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await makeDraft(cluster, binaries, draft);
    await fs.rename(draft, cluster.folder).catch(ignoreLostRace);
  } catch (error) {
    throw folderError(cluster.home, error);
  } finally {
    await fs.rm(draft, { recursive: true, force: true });
  }
}

/** Writes the server's configuration and returns where it will listen: as last time, when that is still possible. */
export async function configureCluster(cluster: Cluster): Promise<Endpoint> {
  const endpoint = await chooseEndpoint(cluster);
  const files: Readonly<Record<string, string>> = {
    'postgresql.conf': serverSettings(endpoint),
    'pg_hba.conf': accessRules(endpoint),
    'pg_ident.conf': cluster.transport === 'socket' ? loginMap(loginNames(cluster.account)) : '',
    [endpointFile]: JSON.stringify({ ...endpoint, home: cluster.home }),
  };
  for (const [name, text] of Object.entries(files)) await writeOwned(cluster, name, text);
  return endpoint;
}

/** The password of `tutti` where the server asks for one, else undefined. */
export function clusterPassword(cluster: Cluster): string | undefined {
  if (cluster.transport === 'socket') return undefined;
  return readFileSync(path.join(cluster.folder, passwordFile), 'utf8').trim();
}

async function chooseEndpoint(cluster: Cluster): Promise<Endpoint> {
  const last = await lastEndpoint(cluster);
  if (cluster.transport === 'tcp') {
    const host = '127.0.0.1';
    const port = last?.port && last.host === host ? await freePort(last.port) : await freePort(0);
    return { host, port };
  }
  const host = await openSocketFolder(cluster.home, cluster.account);
  return { host, port: 5432 };
}

/** Connections that outlive a server find its successor at the same place; a copied folder must not fight over it. */
async function lastEndpoint(cluster: Cluster): Promise<Endpoint | undefined> {
  const text = await fs.readFile(path.join(cluster.folder, endpointFile), 'utf8').catch(absent);
  const last = text === undefined ? undefined : readEndpoint(text);
  return last?.home === cluster.home ? last : undefined;
}

/** Nothing for text that is not whole: a loss of power may leave the file empty, and another place will do. */
function readEndpoint(text: string): (Endpoint & { readonly home: string }) | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `wanted` when nobody listens there, else a port that the system picks. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (wanted === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : wanted));
    });
  });
}

async function makeDraft(cluster: Cluster, binaries: Binaries, draft: string): Promise<void> {
  await fs.mkdir(draft, { mode: 0o700 });
  if (cluster.account) await fs.chown(draft, cluster.account.uid, cluster.account.gid);
  const password = randomBytes(24).toString('base64url');
  const passwordDraft = `${draft}.password`;
  const tcp = cluster.transport === 'tcp';
  try {
    if (tcp) await fs.writeFile(passwordDraft, `${password}\n`, { mode: 0o600 });
    if (tcp && cluster.account)
      await fs.chown(passwordDraft, cluster.account.uid, cluster.account.gid);
    await initdb(cluster, binaries, [
      ...initdbOptions,
      '-D',
      draft,
      ...(tcp ? [`--pwfile=${passwordDraft}`] : []),
    ]);
  } finally {
    await fs.rm(passwordDraft, { force: true });
  }
  if (tcp) await writeOwned({ ...cluster, folder: draft }, passwordFile, `${password}\n`);
}

// The built-in C.UTF-8 locale sorts by code point, the same on every machine and after every upgrade of the C library.
const initdbOptions = [
  '--username=tutti',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--data-checksums',
  '--no-instructions',
];

function initdb(cluster: Cluster, binaries: Binaries, args: readonly string[]): Promise<void> {
  const auth =
    cluster.transport === 'tcp'
      ? ['--auth=scram-sha-256']
      : ['--auth-local=peer', '--auth-host=reject'];
  const options = {
    cwd: path.parse(cluster.home).root,
    env: serverEnvironment(),
    ...cluster.account,
  };
  return new Promise((resolve, reject) => {
    execFile(binaries.initdb, [...auth, ...args], options, (error, _stdout, stderr) => {
      if (error === null) return resolve();
      const reason = stderr.trim().split('\n').slice(-3).join(' ') || error.message;
      const full = /No space left/.test(reason);
      const message = `A database could not be made in ${cluster.home}: ${reason}`;
      reject(new EngineError(full ? 'DB_FULL' : 'DATA_FOLDER', message, { cause: error }));
    });
  });
}

/** What the server's processes see of the environment: none of this process's secrets. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP } = process.env;
  return { PATH, LC_ALL: 'C', TZ: 'UTC', ...(SystemRoot && { SystemRoot }), ...(TEMP && { TEMP }) };
}

function checkMajor(cluster: Cluster, found: number, ours: number): void {
  if (found === ours) return;
  const todo =
    found > ours
      ? 'use the newer Tutti that made it'
      : 'make a backup with the Tutti that made it and restore it into an empty data folder';
  const message = `The database in ${cluster.folder} was made by PostgreSQL ${found}, and this Tutti brings ${ours}; ${todo}.`;
  throw new EngineError('DB_VERSION', message);
}

async function writeOwned(cluster: Cluster, name: string, text: string): Promise<void> {
  const file = path.join(cluster.folder, name);
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await fs.writeFile(draft, text, { mode: 0o600 });
    if (cluster.account) await fs.chown(draft, cluster.account.uid, cluster.account.gid);
    await fs.rename(draft, file);
  } catch (error) {
    throw folderError(cluster.folder, error);
  }
}

/** A folder restored or copied by root comes back as root's; its server runs as somebody else. */
async function giveTo(folder: string, account: Account): Promise<void> {
  for (const entry of await fs.readdir(folder, { recursive: true })) {
    await fs.lchown(path.join(folder, entry), account.uid, account.gid);
  }
  await fs.chown(folder, account.uid, account.gid);
  await fs.chmod(folder, 0o700);
}

function ignoreLostRace(error: NodeJS.ErrnoException): void {
  // Windows answers EPERM when the target is there.
  if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code ?? '')) throw error;
}

async function removeOldDrafts(home: string): Promise<void> {
  for (const name of await fs.readdir(home)) {
    if (!name.startsWith('init-')) continue;
    const draft = path.join(home, name);
    const stats = await statIfThere(draft);
    if (stats && Date.now() - stats.mtimeMs > draftLifeMs)
      await fs.rm(draft, { recursive: true, force: true });
  }
}
