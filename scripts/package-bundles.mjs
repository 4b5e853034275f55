// @ts-check
// Makes one file each of packages that have very many, for bin/bundles.mjs. Plain JavaScript that runs on any Node from 20.19.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @import { Bundle } from '../bin/bundles.mjs' */

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');

/** Where a checkout has them. */
const ownBundles = join(modules, '.cache/bundles');

/** What is imported, by package: all entries of one share what they have in common, and what else it needs is in it. */
const entries = {
  kysely: ['kysely'],
  pg: ['pg'],
  openai: ['openai'],
  '@anthropic-ai/sdk': ['@anthropic-ai/sdk'],
  zod: ['zod', 'zod/v3', 'zod/v4', 'zod/v4/core', 'zod/v4-mini'],
  uuid: ['uuid'],
  '@opentelemetry/api': ['@opentelemetry/api'],
  '@marcbachmann/cel-js': ['@marcbachmann/cel-js'],
};

/** Left out: what few ever load of `pg` (other runtimes, a driver in C), and what brings no licence that could be kept with it. */
const apart = ['pg-cloudflare', 'pg-native', 'standardwebhooks'];

/** What is not written as modules asks for Node's own by `require`. */
const requiring =
  "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";

/** Makes the bundles of a checkout unless they are those of what is installed. */
export async function ensureBundles() {
  const made = changedAt(join(ownBundles, 'bundles.json'));
  const sources = [join(modules, '.package-lock.json'), fileURLToPath(import.meta.url)];
  if (sources.every((file) => changedAt(file) <= made)) return;
  await writeBundles(ownBundles);
}

/**
 * Leaves the bundles in a folder, with their licences, and last `bundles.json`, which says what they stand for. Others may read them meanwhile.
 * @param {string} folder
 */
export async function writeBundles(folder) {
  mkdirSync(dirname(folder), { recursive: true });
  const making = mkdtempSync(`${folder}-`);
  try {
    /** @type {Record<string, Bundle>} */
    const bundles = {};
    for (const [name, specifiers] of Object.entries(entries)) {
      Object.assign(bundles, await bundle(name, specifiers, making));
    }
    const packages = new Set(Object.values(bundles).flatMap(({ made }) => Object.keys(made)));
    writeFileSync(join(making, 'licences.txt'), licences([...packages]));
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(making)) renameSync(join(making, file), join(folder, file));
    writeFileSync(join(making, 'bundles.json'), JSON.stringify(bundles, null, 2));
    renameSync(join(making, 'bundles.json'), join(folder, 'bundles.json'));
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {readonly string[]} specifiers
 * @param {string} outdir
 */
async function bundle(name, specifiers, outdir) {
  const { build } = await import('esbuild');
  const { type, version } = manifestOf(name);
  const fileOf = (/** @type {string} */ specifier) =>
    `${specifier.replace(/\W+/g, '-').replace(/^-/, '')}@${version}`;
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(specifiers.map((each) => [fileOf(each), each])),
    chunkNames: `${fileOf(name)}-[hash]`,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...apart, ...Object.keys(entries).filter((each) => each !== name)],
    banner: { js: type === 'module' ? '' : requiring },
    metafile: true,
    logLevel: 'error',
  });
  const packages = new Set(Object.keys(metafile.inputs).map(packageOf));
  const made = Object.fromEntries([...packages].map((each) => [each, manifestOf(each).version]));
  const stands = Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) => {
    if (entryPoint === undefined) return [];
    return [[pathIn(entryPoint), { file: relative(outdir, join(root, file)), made }]];
  });
  return Object.fromEntries(stands);
}

/** @param {string} file */
function pathIn(file) {
  return relative('node_modules', file).replaceAll('\\', '/');
}

/** @param {string} file */
function packageOf(file) {
  const [scope = '', name] = pathIn(file).split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

/** @param {string} name */
function manifestOf(name) {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
}

/**
 * The licence of each package, whole: their licences ask for it. Some have it in what they say of themselves.
 * @param {readonly string[]} packages
 */
function licences(packages) {
  const texts = packages.map((name) => {
    const files = readdirSync(join(modules, name));
    const [file] = [/^licen[cs]e/i, /^readme/i].flatMap(
      (kind) => files.find((each) => kind.test(each)) ?? [],
    );
    return `${name}\n\n${readFileSync(join(modules, name, file ?? 'LICENSE'), 'utf8').trim()}\n`;
  });
  return texts.join('\n\n');
}

/** @param {string} file */
function changedAt(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}
