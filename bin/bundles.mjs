// @ts-check
// Loaded before a program and in each of its threads (nodeFlagsIn of node24.mjs): packages of many small files are loaded as one file
// each, and our own files are taken where they are named. To find, read and link files is most of what a start costs, and two packages
// alone have 350. Who has another version of a package than was bundled, or loads it by `require`, has the package itself. Plain
// JavaScript, so that no thread strips types for it.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/**
 * What stands for a file of a package: a file beside `bundles.json`, and the versions of the packages that it was made of.
 * @typedef {{ readonly file: string, readonly made: Readonly<Record<string, string>> }} Bundle
 */

const { href, searchParams } = new URL(import.meta.url);
const folder = new URL(searchParams.get('in') ?? 'bundles/', href);
const bundles = /** @type {Record<string, Bundle>} */ (read(new URL('bundles.json', folder)) ?? {});
const modules = '/node_modules/';
/** What stands for a file of a package, by its URL; null: nothing does. @type {Map<string, string | null>} */
const known = new Map();
const own = ['./', '../core/', '../worker/', '../modules/'].map((each) => new URL(each, href).href);

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.')) return ownFile(specifier, context) ?? next(specifier, context);
    const found = next(specifier, context);
    if (!context.conditions.includes('import')) return found;
    const url = known.has(found.url) ? known.get(found.url) : bundleOf(found.url);
    return url ? { url, format: 'module', shortCircuit: true } : found;
  },
});

/**
 * What one of our own files means by a path: to look for it, and for what it really is, takes as long as to read it.
 * @param {string} specifier
 * @param {{ readonly parentURL?: string | undefined }} context
 */
function ownFile(specifier, { parentURL = '' }) {
  const [, ending] = /\.(ts|js)$/.exec(specifier) ?? [];
  if (ending === undefined || !own.some((each) => parentURL.startsWith(each))) return null;
  const { href: url } = new URL(specifier, parentURL);
  return { url, format: ending === 'ts' ? 'module-typescript' : 'module', shortCircuit: true };
}

/** @param {string} url */
function bundleOf(url) {
  const at = url.lastIndexOf(modules) + modules.length;
  const path = url.slice(at);
  const bundle = Object.hasOwn(bundles, path) ? bundles[path] : undefined;
  const found =
    bundle && isMadeOf(url.slice(0, at), bundle) ? new URL(bundle.file, folder).href : null;
  known.set(url, found);
  return found;
}

/**
 * Whether just what it was made of lies side by side in a folder of packages.
 * @param {string} place
 * @param {Bundle} bundle
 */
function isMadeOf(place, { made }) {
  return Object.entries(made).every(
    ([name, version]) => read(new URL(`${name}/package.json`, place))?.version === version,
  );
}

/** @param {URL} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null; // nothing is bundled, then
  }
}
