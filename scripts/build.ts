// `npm run build` makes dist/: the package as it is published, with JavaScript and types, because Node strips no types
// under node_modules. Nothing of the repository itself runs from dist/. `--no-check` is for who checks the types elsewhere.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { root, tsc } from './checks.ts';
import { writeConsole } from './console-bundle.ts';
import { writeBundles } from './package-bundles.mjs';

const dist = join(root, 'dist');
/** These become files for browsers. */
const consoleSources = 'core/service/console';

interface Manifest {
  readonly [key: string]: unknown;
  readonly exports: Readonly<Record<string, string>>;
}

rmSync(dist, { recursive: true, force: true });
compile();
filesUnder(dist)
  .filter((file) => /\.(js|d\.ts)$/.test(file))
  .forEach(renameSpecifiers);
copyAssets();
await writeConsole(join(dist, consoleSources, 'built'));
await writeBundles(join(dist, 'bin/bundles'));
writeManifest();
console.log('dist/ is ready: npm pack ./dist');

function compile(): void {
  const unchecked = process.argv.includes('--no-check') ? ['--noCheck'] : [];
  const args = [...tsc, '-p', 'tsconfig.build.json', ...unchecked];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

/** The compiler renames `./x.ts` in imports of code; in types and in `new URL('./x.ts', …)` it is done here. */
function renameSpecifiers(file: string): void {
  const text = readFileSync(join(dist, file), 'utf8');
  const renamed = text
    .replace(/(\b(?:from|import|declare module)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.ts(['"])/g, '$1.js$2')
    .replace(/(new URL\(\s*['"][^'"]+)\.ts(['"])/g, '$1.js$2');
  if (renamed !== text) writeFileSync(join(dist, file), renamed);
}

/** Whatever is not compiled goes along as it is: SQL, certificates, pages, the modules' descriptions. */
function copyAssets(): void {
  for (const folder of ['core', 'worker', 'modules', 'bin']) {
    for (const name of filesUnder(join(root, folder))) {
      const file = join(folder, name);
      if (!/\.(ts|mjs)$/.test(file) && !file.startsWith(join(consoleSources, '/'))) copy(file);
    }
  }
  for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/workflow.schema.json']) {
    if (existsSync(join(root, file))) copy(file);
  }
}

function copy(file: string): void {
  mkdirSync(dirname(join(dist, file)), { recursive: true });
  copyFileSync(join(root, file), join(dist, file));
}

/** The repository's manifest without what serves only the repository; `node` is asked for, never forced. */
function writeManifest(): void {
  const { scripts, devDependencies, allowScripts, exports, ...kept } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Manifest;
  const entries = Object.entries(exports).map(([name, file]) => [name, published(file)]);
  const manifest = {
    ...kept,
    exports: Object.fromEntries(entries),
    peerDependencies: { node: '>=24' },
    peerDependenciesMeta: { node: { optional: true } },
  };
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function published(file: string): unknown {
  if (!file.endsWith('.ts')) return file;
  const path = file.slice(0, -'.ts'.length);
  return { types: `${path}.d.ts`, default: `${path}.js` };
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
