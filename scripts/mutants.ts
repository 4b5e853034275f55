import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { Mutant } from '../tests/mutants/mutant.ts';
import { mutants } from '../tests/mutants/mutants.ts';
import { root } from './checks.ts';

/*
 * Plants one bug after the other in a copy of the sources and runs the tests that should notice:
 * npm run mutants [-- id …]. Ends with a table; fails when more than one in ten survives.
 */

type Verdict = 'killed' | 'killed by time' | 'survived';

const longestMs = 180_000;
const leftOut = new Set(['node_modules', '.git', 'dist', '.tutti', 'coverage']);
/** Lives of each property of the simulated world: a planted bug shows itself in fewer than a night's. */
const lives = '200';

function copyOfSources(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-mutants-'));
  const isWanted = (path: string): boolean =>
    !relative(root, path)
      .split(sep)
      .some((part) => leftOut.has(part));
  cpSync(root, folder, { recursive: true, filter: isWanted });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function runTests(folder: string, tests: readonly string[]): Verdict {
  const mocha = join(folder, 'node_modules/mocha/bin/mocha.js');
  const { status, error } = spawnSync(
    process.execPath,
    [mocha, '--bail', '--reporter', 'dot', ...tests],
    {
      cwd: folder,
      env: { ...process.env, FC_RUNS: lives },
      timeout: longestMs,
      killSignal: 'SIGKILL',
    },
  );
  if (error) return 'killed by time';
  return status === 0 ? 'survived' : 'killed';
}

/** Tests that fail without any planted bug: they judge nothing. */
function failingAlready(folder: string, chosen: readonly Mutant[]): ReadonlySet<string> {
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  const failing = tests.filter((test) => runTests(folder, [test]) !== 'survived');
  for (const test of failing)
    console.log(`${test} fails without any planted bug; it judges nothing.`);
  return new Set(failing);
}

/** Plants one bug, runs its tests one file after the other, and mends it. */
function judge(folder: string, { file, find, replace, tests }: Mutant): string {
  const path = join(folder, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not have once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    for (const test of tests) {
      const verdict = runTests(folder, [test]);
      if (verdict !== 'survived') return `${verdict}: ${test}`;
    }
    return 'survived';
  } finally {
    writeFileSync(path, source);
  }
}

function main(ids: readonly string[]): number {
  setPriority(constants.priority.PRIORITY_LOW);
  const chosen = mutants.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const folder = copyOfSources();
  try {
    const failing = failingAlready(folder, chosen);
    const verdicts = chosen.map((mutant) => {
      const tests = mutant.tests.filter((test) => !failing.has(test));
      const verdict = judge(folder, { ...mutant, tests });
      console.log(`| \`${mutant.id}\` | \`${mutant.file}\` | ${verdict} |`);
      return verdict;
    });
    const survivors = verdicts.filter((verdict) => verdict === 'survived').length;
    console.log(
      `\n${chosen.length} planted, ${chosen.length - survivors} killed, ${survivors} survived`,
    );
    return survivors * 10 > chosen.length ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main(process.argv.slice(2));
