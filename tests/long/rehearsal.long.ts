import assert from 'node:assert/strict';
import { openTestEngine, requestOf } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../night/fixtures/narrow.config.ts', import.meta.url);

describe('a night in rehearsal at a moderate speed', function () {
  this.timeout(1_200_000);

  it('does what the plan says, and takes as long, within a tenth', async () => {
    verifies('R7.plan');
    const tutti = await openTestEngine(config);
    try {
      const { tenantId } = await tutti.host.sampleTenant(1);
      const request = { ...requestOf('nightly', { tenantId }), rehearsal: true, speed: 8 };
      const plan = await tutti.host.planner.plan(request, new AbortController().signal);
      const { id } = await tutti.engine.startRun(request);
      assert.equal(await tutti.engine.whenEnded(id), 'succeeded');

      const { durationMs, agents, tokens, costMicroUsd, observed } = await tutti.history.summary(
        tenantId,
        id,
      );
      const writes = Object.values(plan.writes).reduce((sum, of) => sum + of, 0);
      assert.deepEqual(
        [agents, tokens, costMicroUsd, observed],
        [plan.agents, plan.tokens, plan.costMicroUsd.expected, writes],
      );
      assert.ok(agents >= 700 && writes >= 200, `${agents} agents, ${writes} writes`);
      const ratio = durationMs / plan.makespanMs;
      assert.ok(ratio > 0.9 && ratio < 1.1, `${durationMs} ms instead of ${plan.makespanMs}`);
    } finally {
      await tutti.close();
    }
  });
});
