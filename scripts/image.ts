// Makes what an image needs a bundler for and has none: the console, and packages of many files as one file each. The Dockerfile calls it; in
// a checkout nobody needs it.
import { fileURLToPath } from 'node:url';
import { writeConsole } from './console-bundle.ts';
import { writeBundles } from './package-bundles.mjs';

await writeConsole(fileURLToPath(new URL('../core/service/console/built', import.meta.url)));
await writeBundles(fileURLToPath(new URL('../bin/bundles', import.meta.url)));
