import assert from 'node:assert/strict';
import { Timers } from '../../../core/engine/loop/timers.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';

const hourMs = 3_600_000;

describe('a step that waits for a moment', () => {
  /** Whether it has been woken. */
  function waiting(clock: FakeClock, forMs: number): () => boolean {
    let isAwake = false;
    const step = { status: 'waiting', wakeAt: clock.now() + forMs } as Step;
    new Timers(clock).armWake(step, () => {
      isAwake = true;
    });
    return () => isAwake;
  }

  it('goes on when it has come although its machine slept until then, or its clock was set to it', () => {
    const clock = new FakeClock();
    const isAwake = waiting(clock, 8 * hourMs);
    clock.pass(hourMs);
    clock.set(7 * hourMs);

    clock.pass(60_000);

    assert.equal(isAwake(), true);
  });

  it('does not go on before it, when its clock was set back', () => {
    const clock = new FakeClock();
    const isAwake = waiting(clock, hourMs);
    clock.set(-hourMs);

    clock.pass(2 * hourMs - 1);
    assert.equal(isAwake(), false);
    clock.pass(1);

    assert.equal(isAwake(), true);
  });
});
