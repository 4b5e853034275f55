// Makes `npm start` and `npm test` work on a fresh clone. Plain JavaScript that runs on any Node from 20.19.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNewEnough, oldestMajor, packagedNode } from '../bin/node24.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where a failed installation ends. */
class InstallFailed extends Error {}

/**
 * Installs what package-lock.json names unless it is there, and returns the Node to run with.
 * Takes about 50 ms when all is there. Two that start at once install once.
 */
export async function ensureInstall(folder = root) {
  const reason = whatIsMissing(folder);
  if (reason === null) return nodeOf(folder);
  return await alone(folder, async () => {
    if (whatIsMissing(folder) !== null) await install(folder, reason);
    return nodeOf(folder);
  });
}

/** What keeps the installed packages from being those of the lockfile, in words; null when nothing does. */
export function whatIsMissing(folder) {
  const locked = packagesOf(join(folder, 'package-lock.json'));
  const installed = packagesOf(join(folder, 'node_modules', '.package-lock.json'));
  if (locked === null) throw new InstallFailed(`There is no package-lock.json in ${folder}.`);
  if (installed === null) return 'nothing is installed yet';
  for (const [path, wanted] of Object.entries(locked)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined && !belongsHere(wanted)) continue;
    const name = path.replace(/^.*node_modules\//, '');
    if (found === undefined || !existsSync(join(folder, path))) return `${name} is not installed`;
    if (found.version !== wanted.version) {
      return `${name} is ${found.version} and should be ${wanted.version}`;
    }
  }
  return nodeOf(folder) === null ? `Node ${oldestMajor} is not installed` : null;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return null; // absent, or cut off by an interrupted installation
  }
}

/** An optional package is missed only where it says that it is for this machine and for any C library. */
function belongsHere({ optional, os, cpu, libc }) {
  if (!optional) return true;
  if (libc !== undefined || (os === undefined && cpu === undefined)) return false;
  return (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true);
}

function nodeOf(folder) {
  const packaged = packagedNode(join(folder, 'package.json'));
  return packaged ?? (isNewEnough(process.version) ? process.execPath : null);
}

async function install(folder, reason) {
  say(`Installing the packages of package-lock.json (npm ci), because ${reason} …`);
  const startedAt = performance.now();
  await npm(folder, [
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  // Where the user's settings switch install scripts off, the one that is needed runs by name.
  if (nodeOf(folder) === null) await npm(folder, ['rebuild', 'node', '--ignore-scripts=false']);
  const missing = whatIsMissing(folder);
  if (nodeOf(folder) === null) {
    throw new InstallFailed(
      `npm ci ended well, but ${missing}. Use Node ${oldestMajor} or later (https://nodejs.org), or see why its install script fails: npm rebuild node --ignore-scripts=false --foreground-scripts`,
    );
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`Installed in ${seconds} s.${missing === null ? '' : ` (Left out by npm: ${missing}.)`}`);
}

function npm(folder, args) {
  const cli = process.env.npm_execpath ?? '';
  const isNpm = basename(cli) === 'npm-cli.js' && existsSync(cli);
  const [command, first, shell] = isNpm
    ? [process.execPath, [cli], false]
    : ['npm', [], process.platform === 'win32'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], {
      cwd: folder,
      shell,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const stop = (signal) => {
      child.kill(signal);
      process.exitCode = 1;
      reject(new InstallFailed(`Interrupted by ${signal}; run the command again to finish.`));
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    child.on('error', (error) => reject(new InstallFailed(`Cannot run npm: ${error.message}`)));
    child.on('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (code === 0) return resolve();
      reject(
        new InstallFailed(
          `${output.trim()}\n\nnpm ${args[0]} failed (exit code ${code}). It needs the network (or a filled npm cache) and write access to ${folder}. Put that right and run the command again; nothing else is needed.`,
        ),
      );
    });
  });
}

/** Runs `task` while no other process installs into the same folder. The lock of a process that is gone is taken over. */
async function alone(folder, task) {
  const owner = process.getuid?.() ?? '';
  const name = createHash('sha256').update(`${folder}\n${owner}`).digest('hex').slice(0, 16);
  const lock = join(tmpdir(), `tutti-install-${name}.lock`);
  let told = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') break; // no writable temp folder: go on without a lock
    }
    if (!isAlive(lock)) rmSync(lock, { force: true });
    else if (!told) say('Another process is installing the packages; waiting for it …');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    return await task();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(lock) {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}

/** Ends the process with what to do when an installation failed; anything else is a defect and keeps its stack. */
export function failInstall(error) {
  if (!(error instanceof InstallFailed)) throw error;
  say(error.message);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureInstall().catch(failInstall);
