import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gate, type Passed } from '../../../core/engine/limits/gate.ts';
import type { Demand } from '../../../core/engine/limits/gate-line.ts';
import { verifies } from '../../support/verifies.ts';
import { type Counted, chancesFrom, mostInAnyWindow, next, seeds } from './sliding.ts';

const minuteMs = 60_000;
const limits = {
  requestsPerMinute: 100,
  tokensPerMinute: 50_000,
  burst: 10,
  concurrency: 20,
  headroom: 0.2,
};
const attended: Demand = { inputTokens: 400, outputTokens: 100 };
const unattended: Demand = { ...attended, leavesHeadroom: true };
const amount = 500;

interface Open {
  readonly endsAt: number;
  readonly permit: Passed;
  readonly isAttended: boolean;
}

/** Unattended calls that take all that they may, and some that somebody waits for; `wronged`: of these the ones for which there was room, and which had to wait. */
function letCrowdPass(chances: IterableIterator<number>) {
  const gate = new Gate(limits);
  const passed: { readonly of: Demand; readonly at: number }[] = [];
  const wronged: string[] = [];
  let open: Open[] = [];
  const pass = (of: Demand, now: number): void => {
    const isAttended = of === attended;
    open.push({ permit: gate.take(of, now), endsAt: now + next(chances) * 8_000, isAttended });
    passed.push({ of, at: now });
  };
  const since = (ms: number, now: number): number =>
    passed.filter(({ of, at }) => of === attended && at > now - ms).length;
  for (let now = 0; now < 3 * minuteMs; now += 25) {
    for (const { endsAt, permit } of open) if (endsAt <= now) gate.settle(permit, attended, now);
    open = open.filter(({ endsAt }) => endsAt > now);
    while (gate.blocker(unattended, now) === null) pass(unattended, now);
    if (next(chances) > 0.01) continue;
    const blocker = gate.blocker(attended, now);
    // What is held back of each limit is a fifth; windows are a little longer than what they count.
    const hasRoom =
      since(minuteMs + 1_500, now) < 20 &&
      since(1_050, now) < 2 &&
      open.filter(({ isAttended }) => isAttended).length < 4;
    if (blocker === null) pass(attended, now);
    else if (hasRoom) wronged.push(`${blocker} at ${now}`);
  }
  return { passed, wronged };
}

function counted(
  passed: readonly { readonly of: Demand; readonly at: number }[],
  each: number,
): readonly Counted[] {
  return passed.map(({ at }) => ({ at, amount: each }));
}

describe('the head-room of a gate', () => {
  it('is never taken by what nobody waits for, and always there for what somebody does', () => {
    verifies('R6.headroom');
    fc.assert(
      fc.property(seeds, (seed) => {
        const { passed, wronged } = letCrowdPass(chancesFrom(seed));

        const own = passed.filter(({ of }) => of === unattended);
        assert.ok(mostInAnyWindow(counted(own, 1)) <= 80);
        assert.ok(mostInAnyWindow(counted(own, amount)) <= 40_000);
        assert.ok(mostInAnyWindow(counted(own, 1), 1_000) <= 8);
        assert.ok(mostInAnyWindow(counted(passed, 1)) <= 100);
        assert.ok(mostInAnyWindow(counted(passed, amount)) <= 50_000);
        assert.deepEqual(wronged, []);
        assert.ok(
          passed.length - own.length > 10 && own.length > 100,
          `${passed.length}, ${own.length}`,
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is left of calls at once, too, and one may always go', () => {
    verifies('R6.headroom');
    const atOnce = (concurrency: number, demand: Demand): number => {
      const gate = new Gate({ concurrency, headroom: 0.25 });
      let open = 0;
      for (; gate.blocker(demand, 0) === null; open += 1) gate.take(demand, 0);
      return open;
    };

    assert.deepEqual([atOnce(8, unattended), atOnce(8, attended)], [6, 8]);
    assert.deepEqual([atOnce(1, unattended), atOnce(1, attended)], [1, 1]);
  });

  it('is what a call is told that waits for it, which may go alone where it is larger', () => {
    const gate = new Gate({ tokensPerMinute: 1_000, headroom: 0.6 });
    gate.take(attended, 0);
    const larger = { ...unattended, inputTokens: 900 };

    assert.equal(gate.blocker(unattended, 0), 'headroom');
    assert.deepEqual(gate.blockers(unattended, 0), ['headroom']);
    assert.equal(gate.blocker(attended, 0), null);
    const waitMs = gate.waitMs(unattended, 0) ?? 0;
    assert.ok(waitMs > minuteMs && waitMs < minuteMs + 2_000, `${waitMs}`);
    assert.equal(gate.waitMs(larger, 0), waitMs);
    assert.equal(gate.blocker(larger, waitMs + 1), null);
  });

  it('can be set anew, and goes with a copy', () => {
    const gate = new Gate({ concurrency: 2, headroom: 0.5 });
    gate.take(attended, 0);

    assert.equal(gate.blocker(unattended, 0), 'headroom');
    assert.equal(gate.fork().blocker(unattended, 0), 'headroom');
    gate.setLimits({ concurrency: 2 });
    assert.equal(gate.blocker(unattended, 0), null);
  });
});
