import assert from 'node:assert/strict';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import { mostTogether } from '../../worker/pool/delivery.ts';
import { Hearing } from '../../worker/pool/hearing.ts';
import { tick } from './rehearse.ts';

const said = (from: number, count: number): readonly FromThread[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'sent', ref: from + index }));

/** Who hears, and the refs of what was heard, turn by turn of the event loop. */
function aHearing() {
  const turns: number[][] = [[]];
  const hearing = new Hearing<FromThread>((batch) => {
    turns.at(-1)?.push(...batch.map(({ ref }) => ref));
    // What this leads to: the next to look after this turn.
    setImmediate(() => turns.push([]));
  });
  return { hearing, turns };
}

const refs = (from: number, count: number): readonly number[] =>
  said(from, count).map(({ ref }) => ref);

describe('what a thread says', () => {
  it('is heard in its order, so much at a turn that what follows from it begins before the rest is heard', async () => {
    const { hearing, turns } = aHearing();

    hearing.add(said(1, mostTogether));
    hearing.add(said(mostTogether + 1, mostTogether + 5));
    assert.deepEqual(turns, [refs(1, mostTogether)]);
    for (let turn = 0; turn < 4; turn += 1) await tick();

    assert.deepEqual(turns, [
      refs(1, mostTogether),
      refs(mostTogether + 1, mostTogether),
      refs(2 * mostTogether + 1, 5),
      [],
    ]);
  });

  it('is heard at once when nothing was heard in the same turn', async () => {
    const { hearing, turns } = aHearing();

    for (const ref of [1, 2]) {
      hearing.add(said(ref, 1));
      assert.equal(turns.at(-1)?.at(-1), ref);
      for (let turn = 0; turn < 2; turn += 1) await tick();
    }
    assert.deepEqual(turns, [[1], [2], []]);
  });

  it('is heard to its end when the thread is gone, before anybody hears of that', async () => {
    const { hearing, turns } = aHearing();

    hearing.add(said(1, 3 * mostTogether));
    hearing.finish();
    assert.deepEqual(turns, [refs(1, 3 * mostTogether)]);
    for (let turn = 0; turn < 3; turn += 1) await tick();
    assert.deepEqual(turns.flat(), refs(1, 3 * mostTogether));
  });

  it('is heard no more when nobody listens any longer', async () => {
    const { hearing, turns } = aHearing();

    hearing.add(said(1, 3 * mostTogether));
    hearing.stop();
    for (let turn = 0; turn < 3; turn += 1) await tick();
    assert.deepEqual(turns.flat(), refs(1, mostTogether));
  });
});
