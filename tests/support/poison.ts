import assert from 'node:assert/strict';
import type { CrashLab } from './crash-lab.ts';

const mostRestarts = 3;

/** One agent ends its own process each time, among so many that do not: it is given up, the others finish, once each, after few restarts. */
export async function assertPutApart(lab: CrashLab, neighbours: number): Promise<void> {
  const items = Array.from({ length: neighbours }, (_, index) => `good-${index}`);
  const id = await lab.submit('crash.poison', items);

  let restarts = 0;
  for (; restarts <= mostRestarts; restarts += 1) {
    const { code, signal, stderr } = await lab.engine({ until: id, converses: false }).ended;
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
  const paid = lab.oracle.entries().flatMap((each) => (each.kind === 'effect' ? [each.args] : []));
  assert.deepEqual(paid.toSorted(), items.toSorted());
}
