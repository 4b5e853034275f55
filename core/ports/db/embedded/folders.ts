import { createHash, randomUUID } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { EngineError, isEngineError } from '../../../base/errors.ts';
import type { Account } from './account.ts';

/** Where root keeps what its server's user cannot reach elsewhere. Not the temp folder: that is wiped. */
const sharedHome = '/var/lib/tutti';
const pointerFile = 'pg.location';

/** A Unix socket's path has 107 bytes on Linux and 103 on macOS; PostgreSQL appends '/.s.PGSQL.5432'. */
const longestSocketFolder = 103 - '/.s.PGSQL.5432'.length;

/**
 * Finds or makes the folder that holds the cluster `pg`: the data folder itself, or, when root's server could not reach it, a
 * folder of its own under /var/lib/tutti to which `pg.location` in the data folder points.
 * @throws DATA_FOLDER, DB_FULL
 */
export async function openHome(dataFolder: string, account: Account | undefined): Promise<string> {
  try {
    await makeFolder(path.resolve(dataFolder));
    const folder = await fs.realpath(dataFolder);
    const pointer = await fs.readFile(path.join(folder, pointerFile), 'utf8').catch(absent);
    if (pointer !== undefined) return await pointedHome(folder, pointer.trim());
    if (account === undefined || isReachable(folder, account)) return folder;
    return (await openSearch(folder, account)) ? folder : await sharedFolder(folder);
  } catch (error) {
    throw folderError(dataFolder, error);
  }
}

/**
 * Makes a folder and what is missing above it. Not `mkdir` with `recursive`: where a file system refuses to make folders with
 * ENOENT, as /proc does, that tries for ever (Node 24).
 */
async function makeFolder(folder: string, isSecondTry = false): Promise<void> {
  try {
    await fs.mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await fs.stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || isSecondTry || path.dirname(folder) === folder) throw error;
    await makeFolder(path.dirname(folder));
    await makeFolder(folder, true);
  }
}

/** Turns a failure of the file system under the data folder into one error that says what to do. */
export function folderError(folder: string, error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The disk of the data folder ${folder} is full; free space and start again.`;
    return new EngineError('DB_FULL', message, { cause: error });
  }
  const message = `The data folder ${folder} cannot be used (${code}); give this user the right to write there, choose another one, or set DATABASE_URL.`;
  return new EngineError('DATA_FOLDER', message, { cause: error });
}

/** Whether `account` may pass through every folder on the way to `folder`, by the mode bits (access lists are not read). */
export function isReachable(folder: string, account: Account): boolean {
  const parent = path.dirname(folder);
  if (parent !== folder && !isReachable(parent, account)) return false;
  const { mode, uid, gid } = statSync(folder);
  if (uid === account.uid) return (mode & 0o100) !== 0;
  return (mode & (gid === account.gid ? 0o010 : 0o001)) !== 0;
}

/**
 * Makes a private folder for the server's socket, in the temp folder or, where the path would be too long or out of the
 * server's reach, in /tmp.
 * @throws DATA_FOLDER when somebody else owns that name
 */
export async function openSocketFolder(
  home: string,
  account: Account | undefined,
): Promise<string> {
  const name = `tutti-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`;
  const temp = path.resolve(tmpdir());
  const fits = Buffer.byteLength(path.join(temp, name)) <= longestSocketFolder;
  const usable = fits && (account === undefined || isReachable(temp, account));
  const folder = path.join(usable ? temp : '/tmp', name);
  try {
    await fs.mkdir(folder, { mode: 0o700 }).catch(ignoreExisting);
    await ownFolder(folder, account);
    return folder;
  } catch (error) {
    throw folderError(folder, error);
  }
}

/** Makes `folder` belong to the server's user alone. A link or somebody else's folder is refused, never taken over. */
async function ownFolder(folder: string, account: Account | undefined): Promise<void> {
  const stats = await fs.lstat(folder);
  const ours = stats.uid === process.getuid?.() || stats.uid === account?.uid;
  if (!stats.isDirectory() || !ours) {
    const message = `${folder} is needed for the database's socket but belongs to somebody else; remove it or set TMPDIR.`;
    throw new EngineError('DATA_FOLDER', message);
  }
  if (account !== undefined && stats.uid !== account.uid) {
    await fs.lchown(folder, account.uid, account.gid);
  }
  if ((stats.mode & 0o777) !== 0o700) await fs.chmod(folder, 0o700);
}

/** A folder under /var/lib/tutti, made when missing; only root calls this. @throws DATA_FOLDER */
export async function openSharedHome(): Promise<string> {
  await fs.mkdir(sharedHome, { recursive: true });
  const stats = await fs.lstat(sharedHome);
  if (stats.isDirectory() && stats.uid === 0 && (stats.mode & 0o022) === 0) {
    if ((stats.mode & 0o005) !== 0o005) await fs.chmod(sharedHome, 0o755);
    return sharedHome;
  }
  const message = `${sharedHome} must be a folder of root that nobody else can write; correct it or set DATABASE_URL.`;
  throw new EngineError('DATA_FOLDER', message);
}

/** The stats of `file`, or undefined when there is none. */
export async function statIfThere(file: string): Promise<Stats | undefined> {
  return await fs.stat(file).catch(absent);
}

/** For `catch`: a missing file is no error. */
export function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}

async function pointedHome(folder: string, home: string): Promise<string> {
  if (await statIfThere(home)) return home;
  const file = path.join(folder, pointerFile);
  const message = `${file} says that the database is in ${home}, which is gone; restore it, or remove the file to start empty.`;
  throw new EngineError('DATA_FOLDER', message);
}

/**
 * Lets the server's group, and nobody else, pass through a data folder that root made for itself (0700 → 0710). Folders
 * above it, and folders that have a group of their own, are left as they are.
 */
async function openSearch(folder: string, account: Account): Promise<boolean> {
  const { uid, mode } = await fs.stat(folder);
  // Another process at the same first start may have opened it since it was looked at: then both are to use this place.
  if ((mode & 0o070) !== 0) return isReachable(folder, account);
  if (uid !== 0 || !isReachable(path.dirname(folder), account)) return false;
  await fs.chown(folder, 0, account.gid);
  await fs.chmod(folder, (mode & 0o777) | 0o010);
  return isReachable(folder, account);
}

/** A new name each time: a data folder that was deleted and made again must not find the old database. */
async function sharedFolder(folder: string): Promise<string> {
  const home = path.join(await openSharedHome(), `data-${randomUUID()}`);
  await fs.mkdir(home, { mode: 0o711 });
  await fs.chmod(home, 0o711);
  // Named after the place and not the process: containers that share a folder have the same process ids.
  const draft = path.join(folder, `${pointerFile}.${path.basename(home)}`);
  await fs.writeFile(draft, `${home}\n`);
  try {
    // A link appears whole or fails: of several processes at a first start one names the place, the rest read it.
    await fs.link(draft, path.join(folder, pointerFile));
    return home;
  } catch (error) {
    ignoreExisting(error);
    await fs.rmdir(home);
    return (await fs.readFile(path.join(folder, pointerFile), 'utf8')).trim();
  } finally {
    await fs.rm(draft, { force: true });
  }
}
