import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExplainedStep, Explanation } from '../../core/engine/explain/explanation.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

/** Between the moment of a forecast and that of what is in the way some milliseconds pass, and a window opens in quanta. */
const toleranceMs = 300;

describe('a night that is asked what it waits for', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(new URL('./fixtures/tight.config.ts', import.meta.url));
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
      await Promise.race([ended, pause(150)]);
    }
    return told;
  }

  it('names for each waiting step a first thing in its way, without which it starts', async () => {
    verifies('R2.explain');
    const request = { ...requestOf('nightly', { tenantId }), rehearsal: true, speed: 20 };
    const { id } = await tutti.engine.startRun(request);
    const told = await askUntilTheEnd(id);

    // Some have begun, and the run has ended, before they were asked about.
    const asked = told.flatMap(({ at, steps }) => steps.map((step) => ({ at, step })));
    const kinds = new Set<string>();
    const late: string[] = [];
    for (const { at, step } of asked) {
      const what = JSON.stringify({ at, step });
      const [first, ...others] = step.blockers;
      assert.ok(first?.ifLifted && step.startAt && first.ifLifted <= step.startAt, what);
      const isLate = Date.parse(first.ifLifted) - Date.parse(at) > toleranceMs;
      if (others.length === 0 && isLate) late.push(what);
      kinds.add(first.kind);
    }
    // On a fake clock all of them start at once (lifted.test.ts); here the machine moves on while it answers.
    assert.ok(late.length <= asked.length / 20, `${late.length} of ${asked.length}: ${late[0]}`);
    assert.ok(asked.length > 100, `${asked.length} asked`);
    assert.ok(kinds.has('dependency') && kinds.size >= 3, [...kinds].join());
  });
});

/** At most `count` of them, from all over the list. */
function some(all: readonly ExplainedStep[], count: number): readonly ExplainedStep[] {
  const each = Math.ceil(all.length / count);
  return all.filter((_, index) => index % each === 0);
}
