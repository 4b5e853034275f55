#!/usr/bin/env node
// Plain JavaScript, so that an old Node can say what it needs: finds a Node that is new enough and runs the CLI in it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  isNewEnough,
  nodeFlags,
  nodeOnPath,
  oldestMajor,
  packagedNode,
  runInstead,
} from './node24.mjs';

const built = fileURLToPath(new URL('tutti.js', import.meta.url));
const entry = existsSync(built) ? built : fileURLToPath(new URL('tutti.ts', import.meta.url));

const node = isNewEnough(process.version)
  ? process.execPath
  : (packagedNode(import.meta.url) ?? nodeOnPath());

if (node === null) {
  process.stderr.write(
    `NODE_TOO_OLD: Tutti needs Node ${oldestMajor} or later; this is ${process.version}, and there is no newer one on PATH. ` +
      `Install Node ${oldestMajor} (https://nodejs.org), or add it to this folder with: npm install node@${oldestMajor}\n`,
  );
  process.exit(1);
}
runInstead(node, [...nodeFlags, entry, ...process.argv.slice(2)]);
