// Plain JavaScript that runs on any Node: it finds the Node that runs the rest.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';

/** The oldest major version that runs TypeScript as it is, without a flag. */
export const oldestMajor = 24;

const nodeName = process.platform === 'win32' ? 'node.exe' : 'node';

/**
 * Young-generation semi-spaces of 4 MB keep a thread's memory small where agents wait on models and hold little. They have that size from the
 * start: V8 begins with 1 MB and shrinks what was idle, so that the first work after a pause is moved into the old generation, whose collections cost more.
 * The type stripping that runs the sources is stable enough to pass without its warning.
 * No flag may be one that V8 compiles by: Node would not take the compiled code of its own modules, and each thread would compile them again.
 */
const usualFlags = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
];

/**
 * The largest old generation, MB, that V8 collects when it has doubled. Where it may become larger, V8 waits until it is four times as large;
 * `--heap-growing-percent`, which forbids that, is a flag that V8 compiles by.
 */
const modestHeapMb = 2_047;

/** Where packages lie as one file each: beside us in a package, in the cache of a checkout. Who has none loads the packages themselves. */
const bundleFolders = ['bundles/', '../node_modules/.cache/bundles/'].map(
  (folder) => new URL(folder, import.meta.url),
);

/** What Node runs Tutti with in an environment; a heap that somebody has chosen there by NODE_OPTIONS stays. */
export function nodeFlagsIn({ NODE_OPTIONS: chosen = '' }) {
  const isOpen = !/--max[-_](old[-_]space|heap)[-_]size/.test(chosen);
  const isLarge = getHeapStatistics().heap_size_limit > modestHeapMb * 2 ** 20;
  const bundles = bundleFolders.find((folder) => existsSync(new URL('bundles.json', folder)));
  return [
    ...usualFlags,
    ...(isOpen && isLarge ? [`--max-old-space-size=${modestHeapMb}`] : []),
    ...(bundles ? [`--import=${new URL(`bundles.mjs?in=${bundles}`, import.meta.url)}`] : []),
  ];
}

/** The flags in our own environment. */
export const nodeFlags = nodeFlagsIn(process.env);

// Compiled code, types stripped, of the last start: `tutti modules` takes half the CPU, and no isolate loads the 8 MB that strip types.
// Node goes without where the folder cannot be written.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url));

/** Whether a version such as `v24.1.0` will do. */
export function isNewEnough(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10) >= oldestMajor;
}

/** Path of the binary that the npm package `node` brings beside `anchor` (a file URL), or null. */
export function packagedNode(anchor) {
  try {
    const manifest = createRequire(anchor).resolve('node/package.json');
    return runs(join(dirname(manifest), 'bin', nodeName));
  } catch {
    return null; // the package is not installed
  }
}

/** The first Node that is new enough on PATH, or null. */
export function nodeOnPath(path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter)) {
    const found = folder === '' ? null : runs(join(folder, nodeName));
    if (found !== null) return found;
  }
  return null;
}

function runs(binary) {
  if (!existsSync(binary)) return null;
  if (binary === process.execPath) return isNewEnough(process.version) ? binary : null;
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return status === 0 && isNewEnough(stdout) ? binary : null;
}

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Milliseconds in which the same signal again is one signal: Ctrl-C comes from the terminal and once more from npm. */
const sameSignalMs = 200;

/**
 * Runs a program in our place: same standard streams, its exit code or signal is ours, each signal reaches it once.
 *
 * It gets a session of its own, so that Ctrl-C reaches it only through us. A pipe that closes when we die, for whatever
 * reason, ends it too (lifeline.mjs); nothing outlives a killed parent.
 */
export function runInstead(binary, args, options = {}) {
  const ownSession = process.platform !== 'win32';
  const lifeline = new URL('lifeline.mjs', import.meta.url).href;
  const child = spawn(binary, ownSession ? ['--import', lifeline, ...args] : args, {
    ...options,
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, ...options.env },
    stdio: ['inherit', 'inherit', 'inherit', ...(ownSession ? ['pipe'] : [])],
    detached: ownSession,
  });
  const lastAt = {};
  for (const signal of forwarded) {
    process.on(signal, () => {
      const now = performance.now();
      if (ownSession && now - (lastAt[signal] ?? -Infinity) > sameSignalMs) child.kill(signal);
      lastAt[signal] = now;
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`Cannot run ${binary}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of forwarded) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
