import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditView } from '../../core/engine/audit/log.ts';
import { eventually } from '../support/eventually.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { shopConfig, useCli } from './cli.ts';

describe('tutti audit', function () {
  this.timeout(180_000);
  const { tutti } = useCli(shopConfig);
  const folder = scratchFolder({});
  after(() => folder[Symbol.dispose]());

  it('lists what was changed from here', async () => {
    verifies('R12.audit');
    assert.equal((await tutti('run', 'broken', '--as', 'Anna')).code, 1);
    assert.equal((await tutti('settings', 'breaker', '--value', '{}')).code, 0);
    assert.equal((await tutti('stop', 'tenant', '--reason', 'a test')).code, 0);
    assert.equal((await tutti('retention', '--apply')).code, 0);

    const listed = await tutti('audit', '--json');
    const rows = JSON.parse(listed.stdout) as readonly AuditView[];
    assert.deepEqual(
      rows.map(({ action, target }) => (action === 'run.start' ? action : `${action} ${target}`)),
      ['stop.place tenant', 'run.start'],
    );
    assert.ok(rows.every(({ actor }) => /^cli:./.test(actor.id)));
    assert.deepEqual(rows.at(-1)?.actor.onBehalfOf, ['anna']);
    const own = await tutti('audit', 'list', '--installation');
    assert.match(own.stdout, /retention\.apply +installation/);
    const some = await tutti('audit', 'list', '--action', 'stop.*');
    assert.match(some.stdout, /^2 .* person cli:.+ stop\.place +tenant .*\n1 change\.\n$/);
  });

  it('keeps nothing of a start that is refused: of a suspended tenant nothing begins', async () => {
    assert.match((await tutti('tenant', 'suspend', 'sample-1')).stdout, /stand still/);
    const refused = await tutti('run', 'broken');
    assert.match(refused.stderr, /^TENANT_SUSPENDED: /);
    assert.match((await tutti('tenant', 'resume', 'sample-1')).stdout, /its runs go on/);
  });

  it('ends as it is asked to while it verifies', async () => {
    // The process is the tests' own: nobody else hears of it.
    const others = process.listeners('SIGTERM');
    const verifying = tutti('audit', 'verify');
    const hears = await eventually(() =>
      process.listeners('SIGTERM').find((each) => !others.includes(each)),
    );
    hears('SIGTERM');

    const { code, stderr } = await verifying;
    assert.deepEqual([code, stderr], [143, 'CANCELLED: It was ended before it was done.\n']);
  });

  it('exports, and verifies the database, the file and one against the other', async () => {
    const path = join(folder.path, 'audit.jsonl');
    const exported = await tutti('audit', 'export', '--to', path);
    const key = await tutti('audit', 'key', '--json');
    const [own, file, against, again] = await Promise.all([
      tutti('audit', 'verify'),
      tutti('audit', 'verify', path),
      tutti('audit', 'verify', '--head', path),
      tutti('audit', 'export', '--to', path),
    ]);

    assert.match(exported.stdout, /: 2 rows, signed by key [0-9a-f]{16}\./);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(exported.stdout.includes(JSON.parse(key.stdout).id));
    assert.match(own.stdout, /^2 rows of tenant \d+, all as they were written; 1 signed head\.\n/);
    assert.match(file.stdout, /1 signed head\.\n$/);
    assert.match(against.stdout, /2 signed heads\.\n$/);
    assert.deepEqual([again.code, /cannot write/.test(again.stderr)], [2, true]);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"tenant"', '"module"'));
    const bad = await tutti('audit', 'verify', path);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /^AUDIT_BROKEN: .* Row 2 is not as it was written\./);
  });

  it('refuses what is wrong in one line, and ends with 2', async () => {
    for (const args of [
      ['sing'],
      ['list', 'x'],
      ['export'],
      ['list', '--from', 'soon'],
      ['verify', 'none'],
    ]) {
      const { code, stderr } = await tutti('audit', ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /^INPUT_INVALID: .*\n$/);
    }
  });
});
