import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Budget, type Reservation } from '../../../core/engine/limits/budget.ts';
import { periodOf, purseName, sharedPurse } from '../../../core/engine/limits/purse.ts';
import { verifies } from '../../support/verifies.ts';

const limits = { tenant: 1_000, 'module:a': 700, 'module:b': 600, 'run:1': 500 } as const;
const chains = [
  ['tenant', 'module:a'],
  ['tenant', 'module:b'],
  ['tenant', 'module:a', 'run:1'],
];

function openBudget(): Budget {
  const budget = new Budget();
  for (const [scope, limit] of Object.entries(limits)) budget.open(scope, limit);
  return budget;
}

describe('Budget', () => {
  it('keeps settled and reserved within every limit, and reservations return to nothing', () => {
    verifies('R7.budget', 'R7.reserve');
    const call = fc.record({
      chain: fc.nat(2),
      bound: fc.integer({ min: 0, max: 300 }),
      used: fc.double({ min: 0, max: 1, noNaN: true }),
      endsAfter: fc.nat(6),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const budget = openBudget();
        const open: { reservation: Reservation; cost: number; endsAt: number }[] = [];
        const spent = new Map(Object.keys(limits).map((scope) => [scope, 0]));
        const settle = (each: (typeof open)[number]): void => {
          budget.settle(each.reservation, each.cost);
          for (const scope of each.reservation.scopes)
            spent.set(scope, (spent.get(scope) ?? 0) + each.cost);
        };
        calls.forEach(({ chain, bound, used, endsAfter }, at) => {
          for (const each of open.filter(({ endsAt }) => endsAt === at)) settle(each);
          const scopes = chains[chain] as string[];
          if (budget.blocker(scopes, bound)) return;
          const reservation = budget.reserve(scopes, bound);
          open.push({ reservation, cost: Math.floor(bound * used), endsAt: at + 1 + endsAfter });
          for (const scope of Object.keys(limits))
            assert.ok((budget.left(scope) ?? -1) >= 0, scope);
        });
        for (const each of open.filter(({ endsAt }) => endsAt >= calls.length)) settle(each);

        for (const [scope, limit] of Object.entries(limits))
          assert.equal(budget.left(scope), limit - (spent.get(scope) ?? 0));
      }),
    );
  });

  it('tells whether waiting could help', () => {
    const budget = openBudget();
    budget.reserve(['tenant', 'module:b'], 500);

    assert.deepEqual(budget.blocker(['tenant', 'module:b'], 200), {
      scope: 'module:b',
      never: false,
    });
    assert.deepEqual(budget.blocker(['tenant', 'module:b'], 601), {
      scope: 'module:b',
      never: true,
    });
    assert.equal(budget.blocker(['tenant', 'module:b'], 100), null);
    assert.equal(budget.blocker(['tenant', 'module:b'], 101)?.scope, 'module:b');
  });

  it('books what a call cost beyond its bound', () => {
    const budget = openBudget();

    budget.settle(budget.reserve(['run:1'], 100), 130);

    assert.equal(budget.left('run:1'), 370);
  });

  it('opens with what has been spent before, and a second opening changes the limit only', () => {
    const budget = new Budget();
    budget.open('tenant', 100, { settledMicroUsd: 60 });
    budget.open('tenant', 200, { settledMicroUsd: 0 });

    assert.equal(budget.left('tenant'), 140);
    budget.close('tenant');
    assert.equal(budget.left('tenant'), null);
  });
});

describe('purse names', () => {
  it('keep tenants and days apart, and a run’s purse is nobody else’s', () => {
    const purse = { tenantId: 7, scope: 'module:finance', period: '2026-06-30' };

    assert.deepEqual(sharedPurse(purseName(purse)), purse);
    assert.notEqual(purseName(purse), purseName({ ...purse, tenantId: 8 }));
    assert.equal(sharedPurse('run:2026'), null);
    assert.equal(periodOf(Date.UTC(2026, 5, 30, 23, 59, 59)), '2026-06-30');
  });
});
