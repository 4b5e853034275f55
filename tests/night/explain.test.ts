import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExplainedStep, Explanation } from '../../core/engine/explain/explanation.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';
import { firstUnits } from './fixtures/short-night.ts';

describe('a night that is asked what it waits for', function () {
  this.timeout(300_000);
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(new URL('./fixtures/tight.config.ts', import.meta.url), {
      hasCompany: true,
    });
    ({ tenantId } = await tutti.host.sampleTenant(1));
  });
  after(function () {
    return tutti.close(this);
  });

  /** Asks about some of the waiting steps one by one, again and again until the run ends. */
  async function askUntilTheEnd(runId: string): Promise<readonly Explanation[]> {
    let isOver = false;
    const ended = tutti.engine.whenEnded(runId).then(() => {
      isOver = true;
    });
    const told: Explanation[] = [];
    while (!isOver) {
      const { steps } = await tutti.engine.explain({ tenantId, runId });
      for (const { path } of some(steps, 6))
        told.push(await tutti.engine.explain({ tenantId, runId, step: path }));
      await Promise.race([ended, pause(200)]);
    }
    return told;
  }

  it('names for each waiting step a first thing in its way, without which it starts', async () => {
    verifies('R2.explain');
    const request = {
      ...requestOf('short_night', { tenantId, input: firstUnits }),
      rehearsal: true,
      speed: 12,
    };
    const { id } = await tutti.engine.startRun(request);
    const told = await askUntilTheEnd(id);

    // Some have begun, and the run has ended, before they were asked about. That each starts at once without what alone stands
    // in its way is shown on a clock that stands still meanwhile: tests/engine/explain/lifted.test.ts.
    const asked = told.flatMap(({ steps }) => steps);
    const kinds = new Set<string>();
    const free: number[] = [];
    for (const step of asked) {
      const [first] = step.blockers;
      if (first) kinds.add(first.kind);
      else free.push(step.id);
      const isSooner = first?.ifLifted && step.startAt && first.ifLifted <= step.startAt;
      assert.ok(!first || isSooner, JSON.stringify(step));
    }
    // Where nothing is named it starts at once: it has begun. Few are asked about in that very moment.
    const steps = await tutti.history.steps(tenantId, id);
    assert.ok(
      free.every((at) => steps.some((step) => step.id === at && (step.startedAt ?? step.endedAt))),
    );
    assert.ok(free.length <= asked.length / 4, `${free.length} of ${asked.length}`);
    assert.ok(asked.length > 30, `${asked.length} asked`);
    assert.ok(kinds.has('dependency') && kinds.size >= 3, [...kinds].join());
  });
});

/** At most `count` of them, from all over the list. */
function some(all: readonly ExplainedStep[], count: number): readonly ExplainedStep[] {
  const each = Math.ceil(all.length / count);
  return all.filter((_, index) => index % each === 0);
}
