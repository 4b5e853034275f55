import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { fixtureConfig, runCli } from './cli.ts';

describe('tutti retry', function () {
  this.timeout(180_000);
  const folder = mkdtempSync(join(tmpdir(), 'tutti-retry-'));
  const config = fixtureConfig('retry');
  let engine: TestEngine;

  before(async () => {
    engine = await openTestEngine(`${pathToFileURL(config)}?folder=${folder}`);
  });
  after(async function () {
    rmSync(folder, { recursive: true });
    await engine.close(this);
  });

  const tutti = (...args: string[]) =>
    runCli({ cwd: folder, env: { DATABASE_URL: engine.fresh.url } }, [...args, '--config', config]);

  it('does the failed steps again, follows the new run, and lists both', async () => {
    const tenantId = await engine.host.store.tenant('bay');
    writeFileSync(join(folder, 'b'), '');
    const { id } = await engine.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    rmSync(join(folder, 'b'));

    const done = await tutti('retry', id, '--key', 'k', '--report', join(folder, 'report.html'));
    const again = await tutti('retry', id, '--key', 'k', '--json');
    const refused = await tutti('retry', id);
    const runs = await tutti('runs');

    assert.equal(done.code, 0, done.stderr);
    const [, retry = ''] = /Run (\S+) of 'load' retries run/.exec(done.stdout + done.stderr) ?? [];
    assert.match(done.stdout + done.stderr, new RegExp(`retry of ${id}`));
    assert.equal(JSON.parse(again.stdout).runId, retry);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /RETRY_REFUSED|retry that one/);
    assert.match(runs.stdout + runs.stderr, new RegExp(`retried by ${retry}`));
  });
});
