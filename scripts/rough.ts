// `npm run test:rough -- [--grep TEXT] FILES…` runs test files (default: all) as on a busy machine: what sockets bring comes late, and main
// threads stand still, by chance, in every process and thread that the tests start (tests/support/rough-machine.mjs).
// ROUGH_SEED gives the same chances again; ROUGH_LATE_MS and ROUGH_HOLD_MS say how rough it is.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeFlags, runInstead } from '../bin/node24.mjs';
import { root } from './checks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { grep: { type: 'string', short: 'g' } },
});
const files = positionals.length > 0 ? positionals : ['tests/**/*.test.ts'];
const preload = pathToFileURL(join(root, 'tests/support/rough-machine.mjs')).href;

const {
  ROUGH_SEED = `${randomInt(2 ** 32)}`,
  ROUGH_LATE_MS = '4',
  ROUGH_HOLD_MS = '400',
} = process.env;
const rough = { ROUGH_SEED, ROUGH_LATE_MS, ROUGH_HOLD_MS };
const named = Object.entries(rough).map(([name, value]) => `${name}=${value}`);
console.log(`${named.join(' ')} npm run test:rough gives the same chances again.`);

const mocha = [
  join(root, 'node_modules/mocha/bin/mocha.js'),
  // Whatever a test takes, it takes several times as long.
  ...['--no-parallel', '--timeout', '1200000'],
  ...(values.grep === undefined ? [] : ['--grep', values.grep]),
  ...files,
];
runInstead(process.execPath, [...nodeFlags, ...mocha], {
  cwd: root,
  env: { ...rough, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${preload}`.trim() },
});
