import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EngineTime } from '../../../worker/machines/engine-time.ts';
import { verifies } from '../../support/verifies.ts';

const ms = 1_000_000n;

/** Two clocks that began at different moments and go at their own pace, millionths faster than true time. */
const clocks = fc.record({
  engine: fc.record({ from: fc.bigInt(0n, 10n ** 15n), pace: fc.integer({ min: -250, max: 250 }) }),
  machine: fc.record({
    from: fc.bigInt(0n, 10n ** 15n),
    pace: fc.integer({ min: -250, max: 250 }),
  }),
});
/** Questions one after the other: how long until it leaves, its way, and the answer's way back. */
const delay = fc.bigInt(0n, 20_000n * ms);
const questions = fc.array(fc.tuple(delay, delay, delay), { minLength: 1, maxLength: 12 });

function shows(
  { from, pace }: { readonly from: bigint; readonly pace: number },
  at: bigint,
): bigint {
  return from + at + (at * BigInt(pace)) / 1_000_000n;
}

describe("a machine's word of its engine", () => {
  it('never holds longer than the engine means it to, whatever time messages take on their way', () => {
    verifies('R13.remote');
    fc.assert(
      fc.property(
        clocks,
        questions,
        fc.bigInt(0n, 30_000n * ms),
        ({ engine, machine }, asked, heldNs) => {
          const time = new EngineTime();
          let now = 0n;
          for (const [pause, there, back] of asked) {
            now += pause;
            const askedNs = shows(machine, now);
            now += there;
            const saidNs = shows(engine, now);
            now += back;
            time.learn({ askedNs, saidNs });
            const until = time.own(saidNs + heldNs);

            // The true moment at which the engine's word ends.
            const isPast = (at: bigint): boolean => shows(engine, at) >= saidNs + heldNs;
            let [low, high] = [0n, 10n ** 15n];
            while (high - low > 1n) {
              const middle = (low + high) / 2n;
              if (isPast(middle)) high = middle;
              else low = middle;
            }
            // Both clocks are read in whole nanoseconds.
            const tooLong = until - shows(machine, high) - 2n;
            assert.ok(tooLong <= 0n, `it holds ${tooLong} ns too long`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('holds nearly as long where messages are quick, and not at all before the first answer', () => {
    verifies('R13.remote');
    const time = new EngineTime();
    assert.equal(time.own(10n ** 18n), 0n);
    assert.equal(time.ownMs(1e12), 0);

    time.learn({ askedNs: 1_000n * ms, saidNs: 70_001n * ms });

    // Of 5 s the way took 1 ms and the paces may take 5.
    const heldNs = time.own(75_001n * ms) - 1_000n * ms;
    assert.ok(heldNs > 4_990n * ms && heldNs < 5_000n * ms, String(heldNs));
    assert.equal(time.ownMs(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  });

  it('goes by the quickest answer and not by the last, until that is old', () => {
    const time = new EngineTime();
    time.learn({ askedNs: 1_000n * ms, saidNs: 50_001n * ms });
    time.learn({ askedNs: 2_000n * ms, saidNs: 51_900n * ms });

    assert.ok(time.own(60_000n * ms) > 10_900n * ms);
    // An hour later the clocks may have come apart by more than what the slow answer hid.
    time.learn({ askedNs: 3_602_000n * ms, saidNs: 3_651_900n * ms });
    assert.ok(time.own(3_660_000n * ms) < 3_610_999n * ms);
  });
});
