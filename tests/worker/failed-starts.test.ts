import assert from 'node:assert/strict';
import { FailedStarts } from '../../worker/pool/failed-starts.ts';
import { FakeClock } from '../support/fixtures/clock.ts';

describe('starts of a process that have failed', () => {
  const clock = new FakeClock();

  it('are followed by a rest that doubles, and are too many at the third, from where it begins anew', async () => {
    const failed = new FailedStarts(clock);
    const seen: (readonly [boolean, number])[] = [];

    for (let start = 1; start <= 4; start += 1) {
      const begun = clock.now();
      const { promise, resolve } = Promise.withResolvers<void>();
      const tooMany = failed.add(resolve);
      assert.ok(failed.isResting);
      while (failed.isResting) clock.pass(100);
      await promise;
      seen.push([tooMany, clock.now() - begun]);
    }

    assert.deepEqual(seen, [
      [false, 1_000],
      [false, 2_000],
      [true, 4_000],
      [false, 1_000],
    ]);
  });

  it('are forgotten after a good one, with the rest that was left', () => {
    const failed = new FailedStarts(clock);
    let tries = 0;
    const add = () => failed.add(() => (tries += 1));
    add();
    add();

    failed.clear();
    assert.equal(failed.isResting, false);
    assert.deepEqual([add(), add()], [false, false]);
    clock.pass(500);
    failed.clear();
    clock.pass(60_000);

    assert.equal(tries, 0);
  });
});
