import assert from 'node:assert/strict';
import type { Plan } from '../../core/engine/plan/plan.ts';
import type { RunSummary } from '../../core/engine/run/views.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';

const narrow = new URL('./fixtures/narrow.config.ts', import.meta.url);
const speed = Number(process.env.SPEED ?? 10);

describe('a night in rehearsal, and its plan', function () {
  this.timeout(300_000);
  let tutti: TestEngine;
  let tenantId: number;
  let plan: Plan;
  let summary: RunSummary;

  before(async () => {
    tutti = await openTestEngine(narrow);
    ({ tenantId } = await tutti.host.sampleTenant(1));
    const request = { ...requestOf('nightly', { tenantId }), rehearsal: true, speed };
    plan = await tutti.host.planner.plan(request, new AbortController().signal);
    const { id } = await tutti.engine.startRun(request);
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    summary = await tutti.history.summary(tenantId, id);
  });
  after(function () {
    return tutti.close(this);
  });

  const count = async (text: string): Promise<number> => {
    const [row] = await queryAll<{ count: number }>(
      tutti.fresh.database,
      `SELECT count(*)::int AS count FROM tutti.${text}`,
    );
    return row?.count ?? -1;
  };

  it('has exactly the agents, calls, tokens, costs and writes that the plan says', async () => {
    verifies('R7.plan');
    const calls = await count('ledger WHERE simulated');

    assert.deepEqual(
      [summary.agents, calls, summary.tokens, summary.costMicroUsd, summary.observed],
      [
        plan.agents,
        plan.calls,
        plan.tokens,
        plan.costMicroUsd.expected,
        Object.values(plan.writes).reduce((sum, of) => sum + of, 0),
      ],
    );
    assert.ok(plan.agents >= 700, String(plan.agents));
    assert.deepEqual(plan.denied, {});
  });

  it('takes as long as the plan says, within a tenth', () => {
    const { makespanMs, bottleneck } = plan;
    const ratio = summary.durationMs / makespanMs;
    console.error(speed, makespanMs, summary.durationMs, bottleneck);

    assert.ok(ratio > 0.9 && ratio < 1.1, `${summary.durationMs} ms instead of ${makespanMs}`);
  });
});
