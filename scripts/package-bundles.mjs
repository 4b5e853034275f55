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

/** What is imported, by package: each needs no other package, and all entries of one share what they have in common. */
const entries = {
  kysely: ['kysely'],
  zod: ['zod', 'zod/v3', 'zod/v4', 'zod/v4/core', 'zod/v4-mini'],
  uuid: ['uuid'],
  '@opentelemetry/api': ['@opentelemetry/api'],
  '@marcbachmann/cel-js': ['@marcbachmann/cel-js'],
};

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
    writeFileSync(join(making, 'licences.txt'), licences());
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
  const { version } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
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
    metafile: true,
    logLevel: 'error',
  });
  const made = Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) => {
    if (entryPoint === undefined) return [];
    const stands = { file: relative(outdir, join(root, file)), package: name, version };
    return [[relative('node_modules', entryPoint).replaceAll('\\', '/'), stands]];
  });
  return Object.fromEntries(made);
}

/** The licence of each package, whole: their licences ask for it. */
function licences() {
  const texts = Object.keys(entries).map((name) => {
    const file = readdirSync(join(modules, name)).find((each) => /^licen[cs]e/i.test(each));
    return `${name}\n\n${readFileSync(join(modules, name, file ?? 'LICENSE'), 'utf8').trim()}\n`;
  });
  return texts.join('\n\n');
}

/** @param {string} file */
function changedAt(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}
