import assert from 'node:assert/strict';
import { assertWhole } from '../support/crash-bars.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { verifies } from '../support/verifies.ts';

const items = ['alone-1', 'alone-2', 'alone-3', 'alone-4'];

describe('a model that breaks off until it is left alone', function () {
  this.timeout(300_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
    lab.review();
  });
  after(function () {
    return lab.close(this);
  });

  it('leaves a run whose turns are each settled once, and whose playbooks did the rest', async () => {
    verifies('R7.cost');
    await lab.oracle.breakOff(12);
    const id = await lab.submit('crash.work', items);

    const { code, stderr } = await lab.engine({ until: id }).ended;

    assert.equal(code, 0, stderr);
    const [row] = await lab.query<{ degraded: number }>(
      `SELECT count(*)::int AS degraded FROM tutti.step WHERE run_id = $1 AND node = 'items/talk' AND degraded`,
      [id],
    );
    assert.ok(row && row.degraded > 0, 'a playbook took the place of a model');
    await assertWhole(lab, [{ id, items }]);
  });
});
