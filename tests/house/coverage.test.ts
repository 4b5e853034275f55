import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from '../../scripts/checks.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const url = (path: string): string => JSON.stringify(pathToFileURL(join(root, path)).href);

const inThread = `import(${url('core/base/duration.ts')}).then(({ durationMs }) => durationMs('PT5M'))`;

/** A test that uses one source itself, and another one in a thread. */
const measured = `
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
it('works', async () => {
  const { toVisible } = await import(${url('core/base/text.ts')});
  toVisible('x');
  await once(new Worker(${JSON.stringify(inThread)}, { eval: true }), 'exit');
});
`;

describe('npm run coverage', () => {
  it('measures what tests execute, in threads, too, and writes it down by lines', async function () {
    this.timeout(180_000);
    verifies('R14.coverage');
    using folder = scratchFolder({ 'one.test.mjs': measured });
    const to = join(folder.path, 'coverage');
    const script = join(root, 'scripts/coverage.ts');
    const test = join(folder.path, 'one.test.mjs');

    const { stdout } = await promisify(execFile)(process.execPath, [script, '--to', to, test]);

    const lcov = readFileSync(join(to, 'lcov.info'), 'utf8');
    assert.match(stdout, /Lines +: [\d.]+% \( \d+\/\d+ \)/);
    assert.ok(hitsIn(lcov, 'core/base/text.ts', 'export function toVisible') > 0);
    assert.ok(hitsIn(lcov, 'core/base/duration.ts', 'export function durationMs') > 0);
    assert.equal(hitsIn(lcov, 'core/base/text.ts', 'export function toStorableJson'), 0);
    assert.ok(!lcov.includes('SF:core/base/money.ts'));
    assert.match(readFileSync(join(to, 'lcov-report/index.html'), 'utf8'), /core\/base/);
    assert.match(readFileSync(join(to, 'lcov-report/core/base/text.ts.html'), 'utf8'), /toVisible/);
  });
});

/** How often the line after the first one that has this text was executed. */
function hitsIn(lcov: string, file: string, text: string): number {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  const line = lines.findIndex((each) => each.includes(text)) + 2;
  assert.ok(line > 1, `${file} has no '${text}'`);
  const [, record = ''] = lcov.split(`SF:${file}\n`);
  const [, hits = '0'] =
    new RegExp(`^DA:${line},(\\d+)`, 'm').exec(record.split('end_of_record')[0] ?? '') ?? [];
  return Number(hits);
}
