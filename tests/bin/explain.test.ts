import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Explanation } from '../../core/engine/explain/explanation.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, shopConfig, startCli } from './cli.ts';

const shop = ['--config', shopConfig];

describe('tutti explain', () => {
  const folder = scratchFolder({});
  const gate = join(folder.path, 'gate');
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await freshDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url, TUTTI_TEST_GATE: gate } };
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  it('asks the process that runs the run what its steps wait for', async () => {
    verifies('R2.explain');
    const running = startCli(place, ['run', 'gated_twice', ...shop]);
    const id = /Run (\S+) of/.exec(await running.says(/1 running/))?.[1] as string;

    const all = await runCli(place, ['explain', id, ...shop]);
    const one = await runCli(place, ['explain', id, 'again', ...shop]);
    const json = await runCli(place, ['explain', id, 'again', '--json', ...shop]);
    const unknown = await runCli(place, ['explain', id, 'nowhere', ...shop]);
    writeFileSync(gate, '');
    assert.equal((await running.ended).code, 0);
    const late = await runCli(place, ['explain', id, ...shop]);

    assert.match(all.stdout, /again +It waits for 'wait' \(running\)\. +in /);
    assert.match(one.stdout, /1\. It waits for 'wait' \(running\)\./);
    assert.match(one.stdout, /If this alone were lifted for it, it would start at once\./);
    const { source, steps } = JSON.parse(json.stdout) as Explanation;
    assert.deepEqual([source, steps.map(({ path }) => path)], ['owner', ['again']]);
    assert.deepEqual([unknown.code, /STEP_UNKNOWN/.test(unknown.stderr)], [2, true]);
    assert.match(late.stdout, /The run has ended: nothing of it waits\./);
  });
});
