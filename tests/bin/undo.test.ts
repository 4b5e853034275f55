import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/base/clock.ts';
import { Tenants } from '../../core/service/identity/tenants.ts';
import { scratchFolder } from '../support/scratch.ts';
import { UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';
import { runCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/undo.config.ts', import.meta.url));

describe('tutti undo', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let lab: UndoLab;

  before(async () => {
    lab = await UndoLab.open({ company: false });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await lab.engine.close(this);
  });

  const tutti = (...args: string[]) =>
    runCli({ cwd: folder.path, env: { DATABASE_URL: lab.engine.fresh.url } }, [
      ...args,
      '--config',
      config,
    ]);

  it('shows what it would do, does it, and says what stays', async () => {
    verifies('R8.undo');
    const { id } = await lab.call([
      { tool: 'shelf.box.make', args: { code: 'Q1' } },
      { tool: 'shelf.box.make', args: { code: 'Q2' } },
      { tool: 'shelf.box.paint', args: { code: 'Q2' } },
    ]);

    const [without, plan] = await Promise.all([tutti('undo', id), tutti('undo', id, '--dry-run')]);
    const done = await tutti('undo', id, '--as', 'anna', '--reason', 'a wrong list');
    const step = await tutti('undo', id, 'c1', '--reason', 'a wrong list', '--json');

    assert.equal(without.code, 2);
    assert.match(without.stderr, /needs a reason/);
    assert.equal(plan.code, 3, plan.stderr);
    assert.match(plan.stdout, /rollback incomplete: 1 of 3 effects would stay/);
    assert.equal(done.code, 3, done.stderr);
    assert.match(
      done.stdout,
      /✗ shelf\.box\.paint .*: it cannot be taken back: paint does not come off/,
    );
    assert.match(done.stdout, /✓ shelf\.box\.make [0-9a-f]{12} box \d+\n/);
    assert.match(done.stdout, /rollback incomplete: 2 of 3 effects stay/);
    assert.equal(JSON.parse(step.stdout).summary, 'rollback incomplete: 1 of 1 effect stays');
    const [row] = await lab.query<{ id: string; for: readonly string[] }>(
      `SELECT actor->>'id' AS id, actor->'onBehalfOf' AS for FROM tutti.run WHERE workflow = 'tutti:undo' ORDER BY id LIMIT 1`,
    );
    assert.match(String(row?.id), /^cli:./);
    assert.deepEqual(row?.for, ['anna']);
  });

  it('is refused for a tenant that is suspended, but for a look', async () => {
    verifies('R12.tenancy');
    const { id } = await lab.call([{ tool: 'shelf.box.make', args: { code: 'Q3' } }]);
    const tenants = new Tenants(lab.pool, systemClock);
    const actor = { kind: 'person', id: 'tester' } as const;
    await tenants.suspend('shelf', actor);

    const plan = await tutti('undo', id, '--dry-run');
    const refused = await tutti('undo', id, '--reason', 'a wrong list');

    assert.equal(plan.code, 0, plan.stderr);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /TENANT_SUSPENDED/);
    assert.equal(await lab.undo.view({ tenantId: lab.tenantId, runId: id }), null);
    await tenants.resume('shelf', actor);
  });
});
