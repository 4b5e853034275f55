import assert from 'node:assert/strict';
import { CrashLab } from '../support/crash-lab.ts';
import { verifies } from '../support/verifies.ts';

const items = Array.from({ length: 60 }, (_, index) => `good-${index}`);
const mostRestarts = 3;

describe('an agent that ends its own process each time', function () {
  this.timeout(300_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
  });
  after(function () {
    return lab.close(this);
  });

  it('is put apart and given up; the others finish, once each, after few restarts', async () => {
    verifies('R8.quarantine', 'R8.isolation');
    const id = await lab.submit('crash.poison', items);

    let restarts = 0;
    for (; restarts <= mostRestarts; restarts += 1) {
      const { code, signal, stderr } = await lab.engine({ until: id }).ended;
      if (code === 0) break;
      assert.equal(signal, 'SIGKILL', stderr);
    }

    assert.ok(restarts <= mostRestarts, `${restarts} engines died`);
    assert.ok(restarts > 0, 'no engine died of it');
    const steps = await lab.query(
      `SELECT node, status, error->>'code' AS code, count(*)::int AS steps FROM tutti.step WHERE run_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 4`,
      [id],
    );
    assert.deepEqual(steps, [
      { node: 'bad', status: 'failed', code: 'STEP_CRASHED', steps: 1 },
      { node: 'good', status: 'succeeded', code: null, steps: 1 + items.length },
    ]);
    const paid = lab.oracle
      .entries()
      .flatMap((each) => (each.kind === 'effect' ? [each.args] : []));
    assert.deepEqual(paid.toSorted(), items.toSorted());
  });
});
