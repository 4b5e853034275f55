import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile, type OutputFile, stop } from 'esbuild';
import type { ConsoleBundle, ConsoleFile } from '../core/service/api/console.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'core/service/console');

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
};

/** When the console's newest source was changed, milliseconds. */
export function consoleChangedAt(): number {
  const entries = readdirSync(sources, { recursive: true, encoding: 'utf8' });
  return Math.max(...entries.map((path) => statSync(join(sources, path)).mtimeMs));
}

/** Bundles the console: one page with one script, one style sheet, its icon and the licences of what the script holds. */
export async function bundleConsole(): Promise<ConsoleBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['console.tsx', 'console.css', 'icon.svg'].map((file) => join(sources, file)),
    entryNames: '[name]-[hash]',
    outdir: 'assets',
    bundle: true,
    format: 'iife',
    target: 'es2023',
    jsx: 'automatic',
    loader: { '.svg': 'copy' },
    define: { 'process.env.NODE_ENV': '"production"' },
    minify: true,
    tsconfigRaw: '{}',
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  await stop();
  const files = new Map(outputFiles.map((file) => [basename(file.path), fileOf(file)]));
  const licences = licencesOf(metafile);
  const hash = createHash('sha256').update(licences).digest('hex').slice(0, 8).toUpperCase();
  files.set(`licences-${hash}.txt`, { type: types.txt as string, body: licences });
  return { page: pageOf([...files.keys()]), files };
}

/** Leaves the bundle in a folder, where `consoleOf` finds it: what has no bundler serves it from there. */
export async function writeConsole(folder: string): Promise<void> {
  const { page, files } = await bundleConsole();
  mkdirSync(folder, { recursive: true });
  const kinds = [...files].map(([name, { type }]) => [name, type]);
  writeFileSync(join(folder, 'types.json'), JSON.stringify(Object.fromEntries(kinds)));
  writeFileSync(join(folder, 'page.html'), page);
  for (const [name, { body }] of files) writeFileSync(join(folder, name), body);
}

function fileOf({ path, contents }: OutputFile): ConsoleFile {
  const type = types[path.slice(path.lastIndexOf('.') + 1)];
  return { type: type ?? 'application/octet-stream', body: contents };
}

/** The licence of each package that is in the bundle, whole: the MIT licence asks for it. */
function licencesOf({ inputs }: Metafile): Uint8Array {
  const names = Object.keys(inputs).flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  const texts = [...new Set(names)].sort().map((name) => {
    const licence = readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8');
    return `${name}\n\n${licence.trim()}\n`;
  });
  return Buffer.from(texts.join('\n\n'));
}

function pageOf(names: readonly string[]): string {
  const named = (ending: string): string => names.find((name) => name.endsWith(ending)) ?? '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Tutti</title>
<link rel="icon" href="assets/${named('.svg')}">
<link rel="license" href="assets/${named('.txt')}">
<link rel="stylesheet" href="assets/${named('.css')}">
<script src="assets/${named('.js')}" defer></script>
</head>
<body>
<div id="console"><noscript>The console needs scripts. What it shows is at /v1, too.</noscript></div>
</body>
</html>
`;
}
