import assert from 'node:assert/strict';
import fc from 'fast-check';
import { leastLead, shareBounds } from '../../../core/base/share-bounds.ts';
import {
  compareModels,
  leastJudged,
  type ModelRecord,
  withBounds,
} from '../../../core/engine/costs/saving-verdict.ts';
import { verifies } from '../../support/verifies.ts';

/** What is on record of a model. */
function record(
  model: string,
  [good, judged]: readonly [number, number],
  stepMicroUsd: number,
): ModelRecord {
  const none = { failed: judged - good, repaired: 0, refused: 0, ignored: 0 };
  return withBounds({ model, steps: judged, judged, good, ...none, stepMicroUsd });
}

describe('a cheaper model held against a dearer one', () => {
  it('has bounds as the literature computes them', () => {
    // R. G. Newcombe, Statistics in Medicine 17 (1998), table II, 56/70 against 48/80, and 9/10 against 3/10: method 10.
    const round = (value: number) => Number(value.toFixed(4));

    assert.equal(round(leastLead({ count: 56, of: 70 }, { count: 48, of: 80 })), 0.0524);
    assert.equal(round(leastLead({ count: 9, of: 10 }, { count: 3, of: 10 })), 0.1705);
    assert.deepEqual(shareBounds(0, 0), { least: 0, most: 1 });
  });

  it('is said to do only once enough was seen of both', () => {
    verifies('R7.saving');
    const dear = record('dear', [200, 200], 30);
    const verdicts = [19, 60, 200].map(
      (count) => compareModels([dear, record('cheap', [count, count], 3)])[0]?.verdict,
    );
    const [few] = compareModels([record('dear', [5, 5], 30), record('cheap', [200, 200], 3)]);

    assert.deepEqual(verdicts, ['unseen', 'unseen', 'would_do']);
    assert.deepEqual([few?.verdict, few?.more?.dearer], ['unseen', leastJudged - 5]);
  });

  it('needs as many more steps as it says, and not one fewer', () => {
    verifies('R7.saving');
    const counts = fc.tuple(fc.integer({ min: 20, max: 300 }), fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(counts, fc.double({ min: 0.7, max: 1, noNaN: true }), ([of, seen], share) => {
        const dear = record('dear', [Math.floor(of * share), of], 30);
        const of1 = (judged: number) =>
          compareModels([dear, record('cheap', [judged, judged], 3)])[0];
        const more = of1(seen)?.more?.cheaper ?? 0;
        if (more === 0 || more >= 100_000) return;
        assert.equal(of1(seen + more)?.verdict, 'would_do');
        assert.equal(of1(seen + more - 1)?.verdict, 'unseen');
      }),
    );
  });

  it('is never said to do where it surely fails more often than the margin allows', () => {
    verifies('R7.saving');
    const part = fc.tuple(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(part, part, ([ofOne, shareOne], [ofOther, shareOther]) => {
        const cheap = record('cheap', [Math.floor(ofOne * shareOne), ofOne], 3);
        const dear = record('dear', [Math.floor(ofOther * shareOther), ofOther], 30);
        const [comparison] = compareModels([cheap, dear]);
        const isFarBelow = cheap.good / cheap.judged < dear.good / dear.judged - 0.05;
        const isThin = Math.min(cheap.judged, dear.judged) < leastJudged;
        if (isFarBelow || isThin) assert.notEqual(comparison?.verdict, 'would_do');
      }),
    );
  });

  it('saves what the steps of the dearer one would have cost less', () => {
    const models = [
      record('deep', [300, 300], 50),
      record('dear', [100, 100], 30),
      record('cheap', [400, 400], 3),
    ];

    const comparisons = compareModels(models).map(({ cheaper, dearer, savedMicroUsd }) => [
      `${cheaper} for ${dearer}`,
      savedMicroUsd,
    ]);

    assert.deepEqual(comparisons, [
      ['cheap for deep', 300 * 47],
      ['dear for deep', 300 * 20],
      ['cheap for dear', 100 * 27],
    ]);
  });
});
