import assert from 'node:assert/strict';
import { atOnce, inPieces, Pace, type Pieces } from '../../core/base/pieces.ts';
import { FakeClock } from '../support/fixtures/clock.ts';

/** Work of so many steps, each of which takes a time on a clock that stands otherwise. */
function* work(steps: number, pace: Pace, step: () => void = () => {}): Pieces<number> {
  for (let each = 0; each < steps; each += 1) {
    step();
    if (pace.isDue()) yield;
  }
  return steps;
}

describe('work in pieces', () => {
  it('lets everything else happen between its pieces, and stops nowhere when it is short', async () => {
    for (const [steps, pieces] of [
      [499, 0],
      [5_000, 10],
    ] as const) {
      const pace = new Pace();
      let turns = 0;
      const others = (): void => {
        turns += 1;
        next = setImmediate(others);
      };
      let next = setImmediate(others);
      const { result } = await inPieces(work(steps, pace), new FakeClock());
      clearImmediate(next);

      assert.equal(result, steps);
      assert.equal(pace.hasPaused, pieces > 0);
      assert.ok(turns >= pieces && (pieces > 0 || turns === 0), `${turns} turns of the loop`);
    }
  });

  it('rests four times as long as each piece took, once it has taken 50 ms', async () => {
    const clock = new FakeClock(0);
    const pauses: number[] = [];
    const watched = {
      monotonic: () => clock.monotonic(),
      after: (ms: number, run: () => void) => {
        pauses.push(ms);
        run();
        return () => {};
      },
    };

    const { tookMs } = await inPieces(
      work(2_500, new Pace(), () => clock.pass(0.04)),
      watched,
    );

    assert.deepEqual(pauses.map(Math.round), [80, 80, 80]);
    assert.equal(Math.round(tookMs), 100);
  });

  it('is done at once where nobody waits', () => {
    assert.equal(atOnce(work(5_000, new Pace())), 5_000);
  });
});
