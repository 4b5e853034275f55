import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSummary } from '../../core/engine/history/views.ts';
import { putCluster } from '../support/made-cluster.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { runCli, shopConfig } from './cli.ts';

describe('tutti backup and tutti restore', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  before(() => putCluster(join(folder.path, 'old'), 'socket'));
  after(() => folder[Symbol.dispose]());

  const tutti = (data: string, ...args: readonly string[]) =>
    runCli({ cwd: folder.path, env: { TUTTI_DATA: join(folder.path, data) } }, args);

  it('bring a data folder into another one, where a key still has its run', async () => {
    verifies('R13.backup');
    const night = ['run', 'nightly', '--json', '--key', 'first', '--config', shopConfig];
    const first = await tutti('old', ...night);
    assert.equal(first.code, 0, first.stderr);

    const backup = await tutti('old', 'backup');
    const [file = ''] = readdirSync(folder.path).filter((name) => name.endsWith('.backup'));
    const restore = await tutti('new', 'restore', file);

    assert.equal(backup.code, 0, backup.stderr);
    assert.match(file, /^tutti-\d{8}-\d{6}\.backup$/);
    assert.match(backup.stdout, /^Backup: .*\.backup\n {2}[\d.]+ kB, [\d,]+ rows of \d+ tables, /);
    assert.equal(restore.code, 0, restore.stderr);
    assert.match(restore.stdout, /^Restored: .*\n.* by Tutti \d.*rows.*\n {2}No run is unfinished/);
    const again = await tutti('new', ...night);
    assert.equal(again.code, 0, again.stderr);
    const { runId, findings } = JSON.parse(first.stdout) as RunSummary;
    assert.deepEqual(
      [JSON.parse(again.stdout).runId, JSON.parse(again.stdout).findings],
      [runId, findings],
    );
  });

  it('say as one JSON document what they did', async () => {
    const backup = JSON.parse((await tutti('old', 'backup', 'a.backup', '--json')).stdout);
    const restore = JSON.parse((await tutti('third', 'restore', 'a.backup', '--json')).stdout);

    assert.deepEqual(
      [backup.path, backup.sizeBytes, backup.rows],
      [join(folder.path, 'a.backup'), statSync(join(folder.path, 'a.backup')).size, restore.rows],
    );
    assert.deepEqual([restore.path, restore.openRuns], [backup.path, 0]);
  });

  it('refuse what would overwrite or find nothing, in one line', async () => {
    const refused = await Promise.all([
      tutti('old', 'backup', 'a.backup'),
      tutti('none', 'backup', 'b.backup'),
      tutti('old', 'restore', 'a.backup'),
      tutti('none', 'restore', 'none.backup'),
    ]);
    const patterns = [
      /There is a file at .*a\.backup' already.*--force/,
      /There is no data folder .*TUTTI_DATA/,
      /holds data .*empty one/,
      /none\.backup' cannot be read \(ENOENT\)/,
    ];

    for (const [index, { code, stdout, stderr }] of refused.entries()) {
      assert.match(stderr, patterns[index] as RegExp);
      assert.match(stderr, /^INPUT_INVALID: [^\n]+\n$/);
      assert.deepEqual([code, stdout], [2, '']);
    }
    assert.ok(!readdirSync(folder.path).includes('none'), 'no data folder was made');
    assert.equal((await tutti('old', 'backup', 'a.backup', '--force')).code, 0);
  });
});
