import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ShareWish, shareOut } from '../../../core/engine/limits/share-out.ts';
import { verifies } from '../../support/verifies.ts';

const wishes = fc
  .array(
    fc.record({
      demand: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_000 })),
      unit: fc.integer({ min: 1, max: 300 }),
      fedAt: fc.nat(1_000),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((all): readonly ShareWish[] => all.map((one, index) => ({ ...one, engine: `e${index}` })));

describe('shareOut', () => {
  it('gives all of a limit away, in whole units, and never more', () => {
    fc.assert(
      fc.property(wishes, fc.nat(1_500), (all, whole) => {
        const shares = [...shareOut(whole, all).values()];

        assert.equal(
          shares.reduce((sum, share) => sum + share, 0),
          whole,
        );
        for (const share of shares) assert.ok(Number.isInteger(share) && share >= 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives who went without for longest what a call of its needs, and nobody more than wanted while others want', () => {
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 1_500 }), (all, whole) => {
        const shares = shareOut(whole, all);
        const asking = all.filter(({ demand }) => demand > 0);
        const [hungriest] = [...asking].sort((a, b) => a.fedAt - b.fedAt);
        if (!hungriest) return;
        const least = Math.min(hungriest.unit, whole);
        const share = shares.get(hungriest.engine) as number;

        assert.ok(share >= least);
        const unfilled = asking.filter((one) => {
          const own = shares.get(one.engine) as number;
          return own >= Math.min(one.unit, whole) && own < one.demand;
        });
        for (const { engine, demand, unit } of asking)
          if (unfilled.length > 0)
            assert.ok((shares.get(engine) as number) <= Math.max(demand, unit), engine);
      }),
      { numRuns: 2_000 },
    );
  });

  it('divides evenly between those who want all, and leaves who wants little what it wants', () => {
    const one = { unit: 1, fedAt: 0 };
    const share = (...demands: number[]) => [
      ...shareOut(
        100,
        demands.map((demand, index) => ({ ...one, demand, engine: `e${index}` })),
      ).values(),
    ];

    assert.deepEqual(share(100, 100), [50, 50]);
    assert.deepEqual(share(100, 20, 100), [40, 20, 40]);
    assert.deepEqual(share(10, 0), [55, 45]);
    assert.deepEqual(share(0, 0), [50, 50]);
  });

  it('lets two take turns where there is only one', () => {
    verifies('R6.several-engines');
    const fedAt = { a: 0, b: 0 };
    const turns: string[] = [];
    for (let at = 1; at <= 6; at += 1) {
      const shares = shareOut(1, [
        { engine: 'a', demand: 1, unit: 1, fedAt: fedAt.a },
        { engine: 'b', demand: 1, unit: 1, fedAt: fedAt.b },
      ]);
      const fed = shares.get('a') === 1 ? 'a' : 'b';
      fedAt[fed] = at;
      turns.push(fed);
    }

    assert.equal(turns.join(''), 'ababab');
  });
});
