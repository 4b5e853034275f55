import assert from 'node:assert/strict';
import { booksDatabase } from '../support/company.ts';
import { Past } from '../support/fixtures/old-runs.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, shopConfig } from './cli.ts';

describe('the commands of retention', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let past: Past;
  let place: Place;

  before(async () => {
    fresh = await booksDatabase();
    past = new Past(fresh.database);
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    await fresh.database.ensurePartitions(new Date('2010-01-15'));
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', shopConfig]);

  it('hold a run, list it, refuse to erase it, and release it', async () => {
    const id = await past.plant({ at: new Date() });

    const held = await tutti('hold', id, '--reason', 'case 7');
    const list = await tutti('holds', '--json');
    const refused = await tutti('erase', '--run', id, '--reason', 'asked');
    const released = await tutti('hold', id, '--release');
    const erased = await tutti('erase', '--run', id, '--reason', 'asked', '--json');

    assert.equal(held.code, 0, held.stderr);
    const [hold] = JSON.parse(list.stdout);
    assert.deepEqual([hold.runId, hold.reason], [id, 'case 7']);
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /RUN_HELD: Run .* see why with: tutti holds/);
    assert.match(released.stdout, /Released/);
    assert.deepEqual(JSON.parse(erased.stdout), { bodies: 7, runs: 1, kept: [] });
    const { actor } = await past.one<{ actor: string }>(
      `SELECT actor->>'id' AS actor FROM tutti.erasure WHERE run_id = $1`,
      [id],
    );
    assert.match(actor, /^cli:./);
  });

  it('erase what names a record after a look at it, and say what is left alone', async () => {
    verifies('R12.erasure');
    const id = await past.plant({ at: new Date(), keys: ['E-17', 'E-18'] });
    const open = await past.plant({ at: new Date(), keys: ['E-17'], endedAt: null });

    const look = await tutti('erase', '--record', 'employee:E-17', '--dry-run');
    const untouched = await past.bodiesOf(id);
    const erased = await tutti('erase', '--record', 'employee:E-17', '--reason', 'asked');
    const findings = await tutti('findings', '--run', id);
    const proposals = await tutti('proposals', '--run', id);

    assert.match(look.stdout, /Named in 2 runs; nothing was erased/);
    assert.deepEqual(untouched, { effect: 2, finding: 2, input: 1, output: 2 });
    assert.equal(erased.code, 3, erased.stderr);
    assert.match(
      erased.stdout,
      new RegExp(`Erased 3 bodies of 1 run.\n.*${open}, it is unfinished`),
    );
    assert.match(findings.stdout, /\(erased\)[\s\S]*2 findings/);
    assert.equal(proposals.code, 0, proposals.stderr);
  });

  it('show what the policy takes next, and take it when asked to', async () => {
    const id = await past.plant({ at: new Date('2010-01-10') });

    const shown = await tutti('retention');
    const view = JSON.parse((await tutti('retention', '--json')).stdout);
    const before = await past.rowsOf(id);
    const applied = JSON.parse((await tutti('retention', '--apply', '--json')).stdout);

    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /2010-01 .* 1 .*until 2021-02-01/);
    assert.match(shown.stdout, /output +90 +2 \(20 B\)/);
    assert.match(shown.stdout, /lab\.worker/);
    assert.equal(view.policy.journalDays, 4_018);
    assert.equal(before.run, 1);
    assert.ok(applied.dropped.includes('entry_y2010m01'));
    assert.deepEqual([applied.runs, (await past.rowsOf(id)).entry], [1, 0]);
  });

  it('are refused when they say too little or too much', async () => {
    const calls = [
      ['erase', '--reason', 'x'],
      ['erase', '--run', 'x', '--record', 'a:b', '--reason', 'x'],
      ['erase', '--record', 'employee', '--reason', 'x'],
      ['erase', '--record', 'employee:7'],
      ['hold', 'x'],
      ['hold', 'x', '--reason', ' '],
      ['hold', 'x', '--reason', 'y', '--release'],
      ['hold', 'x', '--reason', 'y'],
    ];
    for (const call of calls) {
      const { code, stdout, stderr } = await tutti(...call);

      assert.deepEqual([code, stdout], [2, ''], `${call.join(' ')}: ${stderr}`);
    }
  });
});
