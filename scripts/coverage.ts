// `npm run coverage -- [--to FOLDER] FILES…` measures what test files (default: all, in one process) execute of the sources: a summary here, lines
// in coverage/lcov.info, pages in coverage/lcov-report/index.html. Threads and processes that tests start count, too.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeFlags } from '../bin/node24.mjs';
import { root } from './checks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: 'string', default: 'coverage' } },
});
const files = positionals.length > 0 ? positionals : ['tests/**/*.test.ts'];
const inModules = (path: string): string => join(root, 'node_modules', path);

const measured = ['core', 'worker', 'modules', 'bin'].flatMap((folder) => [
  '--include',
  `${folder}/**`,
]);
const { status, signal } = spawnSync(
  process.execPath,
  [
    inModules('c8/bin/c8.js'),
    ...['--reporter', 'text-summary', '--reporter', 'lcov', '--reports-dir', values.to],
    ...[...measured, '--extension', '.ts', '--extension', '.mjs'],
    ...['--', process.execPath, ...nodeFlags, inModules('mocha/bin/mocha.js'), ...files],
  ],
  {
    cwd: root,
    stdio: 'inherit',
    // What is compiled already is not measured to the line.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
  },
);
if (signal !== null) process.kill(process.pid, signal);
process.exit(status ?? 1);
