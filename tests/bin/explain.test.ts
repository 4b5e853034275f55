import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Explanation } from '../../core/engine/explain/explanation.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
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
    fresh = await booksDatabase();
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
    const lateUnknown = await runCli(place, ['explain', id, 'nowhere', ...shop]);
    const lateStep = await runCli(place, ['explain', id, 'again', ...shop]);

    assert.match(all.stdout, /again +It waits for 'wait' \(running\)\. +in /);
    assert.match(one.stdout, /1\. It waits for 'wait' \(running\)\./);
    assert.match(one.stdout, /If this alone were lifted for it, it would start at once\./);
    const { source, steps } = JSON.parse(json.stdout) as Explanation;
    assert.deepEqual([source, steps.map(({ path }) => path)], ['owner', ['again']]);
    assert.deepEqual([unknown.code, /STEP_UNKNOWN/.test(unknown.stderr)], [2, true]);
    assert.match(late.stdout, /The run has ended: nothing of it waits\./);
    assert.deepEqual([lateUnknown.code, /STEP_UNKNOWN/.test(lateUnknown.stderr)], [2, true]);
    assert.match(lateStep.stdout, /'again' does not wait/);
  });

  it('tells of the first of very many waiting steps, and how many more wait', async () => {
    verifies('R2.explain', 'R2.bounded-queues');
    await runCli(place, ['run', 'broken', ...shop]);
    const pool = fresh.database.pool('tutti_engine', 1);
    const { rows } = await pool.query<{ run_id: string }>(
      `WITH waits AS (UPDATE tutti.run SET status = 'queued', ended_at = NULL, owner = NULL WHERE workflow = 'broken' RETURNING tenant_id, id)
       INSERT INTO tutti.step SELECT (jsonb_populate_record(s, jsonb_build_object('id', n, 'item_key', n, 'status', 'ready', 'ended_at', NULL))).*
       FROM waits w JOIN tutti.step s ON s.tenant_id = w.tenant_id AND s.run_id = w.id AND s.id = 0, generate_series(1, 1200) n RETURNING run_id`,
    );
    const id = rows[0]?.run_id as string;

    const list = await runCli(place, ['explain', id, ...shop]);
    const json = await runCli(place, ['explain', id, '--json', ...shop]);

    assert.equal(list.stdout.match(/^break\[/gm)?.length, 200);
    assert.match(list.stdout, /\n… and 1000 more; of one: tutti explain \S+ STEP\n/);
    const { steps, more } = JSON.parse(json.stdout) as Explanation;
    assert.deepEqual([steps.length, more], [1_000, 200]);
  });
});
