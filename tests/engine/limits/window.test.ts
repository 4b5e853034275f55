import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Window } from '../../../core/engine/limits/window.ts';
import { verifies } from '../../support/verifies.ts';
import { type Counted, chancesFrom, mostInAnyWindow, next, seeds } from './sliding.ts';

const spanMs = 60_000;

describe('Window', () => {
  it('grants at most the limit in any minute, wherever it starts', () => {
    verifies('R6.sliding-window');
    const wishes = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 40 })),
      {
        minLength: 50,
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(wishes, fc.integer({ min: 40, max: 600 }), fc.nat(1e9), (steps, limit, start) => {
        const window = new Window(limit);
        const taken: Counted[] = [];
        let now = start + 0.25;
        for (const [pause, amount] of steps) {
          now += pause;
          if (!window.allows(amount, now)) continue;
          window.take(amount, now);
          taken.push({ at: now, amount });
        }

        assert.ok(mostInAnyWindow(taken) <= limit);
      }),
      { numRuns: 150 },
    );
  });

  it('grants all of the limit at once, and nothing beyond it', () => {
    const window = new Window(10);
    window.take(6, 0);

    assert.deepEqual([window.allows(4, 0), window.allows(5, 0)], [true, false]);
  });

  for (const limit of [30, 600, 200_000]) {
    it(`uses at least 95 % of ${limit} a minute under twice the demand, with calls of at most 5 %`, () => {
      verifies('R6.utilisation');
      fc.assert(
        fc.property(seeds, (seed) => {
          const chances = chancesFrom(seed);
          const window = new Window(limit);
          const taken: Counted[] = [];
          const end = 5 * spanMs;
          for (let now = 0; now < end; ) {
            const amount = Math.max(1, Math.floor(limit * 0.05 * next(chances)));
            // Demand arrives at twice the limit; a call that does not fit waits for its turn, in order.
            if (window.allows(amount, now)) {
              window.take(amount, now);
              taken.push({ at: now, amount });
              now += (amount / limit) * spanMs * 0.5 * next(chances);
            } else now += Math.max(window.waitMs(amount, now) as number, 1);
          }

          const used = taken.reduce((sum, each) => sum + each.amount, 0);
          assert.ok(used >= 0.95 * limit * (end / spanMs), `${used} of ${limit * 5}`);
          assert.ok(mostInAnyWindow(taken) <= limit);
        }),
        { numRuns: 10 },
      );
    });
  }

  it('says how long a refused grant has to wait, and not longer', () => {
    const window = new Window(10);
    window.take(10, 1_000);

    const waitMs = window.waitMs(1, 2_000) as number;

    assert.equal(window.allows(1, 2_000 + waitMs - 1), false);
    assert.equal(window.allows(1, 2_000 + waitMs), true);
    assert.ok(waitMs <= spanMs, `${waitMs} ms`);
  });

  it('gives unused units back to the moment they were reserved for', () => {
    const window = new Window(100);
    const quantum = window.take(80, 0);

    window.correct(quantum, -50, 30_000);

    assert.equal(window.used(30_000), 30);
    assert.equal(window.used(60_500), 0);
  });

  it('leaves a grant alone that has left the window', () => {
    const window = new Window(100);
    const quantum = window.take(80, 0);

    window.correct(quantum, -80, 120_000);

    assert.equal(window.used(120_000), 0);
  });

  it('grants what is larger than the limit to an empty window only', () => {
    const window = new Window(10);

    assert.equal(window.allows(25, 0), true);
    window.take(25, 0);
    assert.equal(window.allows(1, 59_000), false);
    assert.equal(window.allows(25, 61_000), true);
  });

  it('grants nothing after its limit was lowered until what it holds fits again', () => {
    const window = new Window(10);
    window.take(6, 0);
    window.take(2, 30_000);

    window.limit = 4;

    assert.equal(window.allows(1, 59_000), false);
    assert.equal(window.allows(2, 60_500), true);
    assert.equal(window.allows(3, 60_500), false);
  });

  it('grants to an empty window no more than what may go alone', () => {
    const window = new Window(10);
    window.alone = 20;

    assert.equal(window.allows(20, 0), true);
    assert.equal(window.allows(21, 0), false);
    assert.equal(window.waitMs(21, 0), null);
  });

  it('counts what was granted before it began for as long as that is in its minute', () => {
    const window = new Window(10);

    window.recall(7, 1_000, 50_000);
    window.recall(9, -20_000, 50_000);

    assert.equal(window.used(50_000), 7);
    assert.equal(window.allows(4, 60_500), false);
    assert.equal(window.allows(10, 61_500), true);
  });

  it('forks into a copy that goes its own way', () => {
    const window = new Window(10);
    window.take(6, 0);

    const copy = window.fork();
    copy.take(4, 1_000);

    assert.equal(window.used(1_000), 6);
    assert.equal(copy.used(1_000), 10);
    assert.equal(copy.used(60_500), 4);
  });
});
