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

describe('Budget of purses that several engines share', () => {
  const purse = purseName({ tenantId: 1, scope: 'tenant', period: '2026-06-30' });
  const row = (reservedMicroUsd: number, settledMicroUsd = 0, limitMicroUsd = 100) => ({
    limitMicroUsd,
    reservedMicroUsd,
    settledMicroUsd,
  });
  const nothing = { name: purse, reservedMicroUsd: 0, settledMicroUsd: 0 };

  it('lets what other engines have reserved come back, from the beginning and with every flush', () => {
    const budget = new Budget();
    budget.open(purse, 100, { reservedMicroUsd: 70, settledMicroUsd: 10 });

    assert.deepEqual(budget.blocker([purse], 90), { scope: purse, never: false });
    assert.deepEqual(budget.blocker([purse], 91), { scope: purse, never: true });
    assert.equal(budget.isHeldByOthers(purse), true);
    budget.flushed({ ...nothing, row: row(0, 10) });
    assert.equal(budget.blocker([purse], 90), null);
    assert.equal(budget.isHeldByOthers(purse), false);
  });

  it('counts what was moved here and is in no flush yet beside what the row holds', () => {
    const budget = new Budget();
    budget.open(purse, 100);
    const first = budget.reserve([purse], 30);
    const second = budget.reserve([purse], 20);
    budget.settle(first, 5);

    // The flush of the first reservation alone; another engine has reserved 40.
    budget.flushed({ ...nothing, reservedMicroUsd: 30, row: row(70) });

    assert.deepEqual(budget.stateOf(purse), row(60, 5));
    // The rest, but the second one was refused.
    budget.flushed({ ...nothing, reservedMicroUsd: -30, settledMicroUsd: 5, row: row(40, 5) });
    budget.settle(second, 0);
    assert.deepEqual(budget.stateOf(purse), row(40, 5));
    assert.equal(budget.isHeldByOthers(purse), true);
  });

  it('forgets those of earlier days, but for money that is on its way', () => {
    const budget = new Budget();
    const of = (period: string) => purseName({ tenantId: 1, scope: 'tenant', period });
    const [idle, called, unsaid, today] = ['06-27', '06-28', '06-29', '06-30'].map((day) =>
      of(`2026-${day}`),
    ) as [string, string, string, string];
    for (const name of [idle, called, unsaid, today, 'run:1']) budget.open(name, 100);
    const held = budget.reserve([called], 30);
    budget.settle(budget.reserve([unsaid], 20), 5);
    budget.flushed({ ...nothing, name: called, reservedMicroUsd: 30, row: row(30) });
    const open = () =>
      [idle, called, unsaid, today, 'run:1'].filter((name) => budget.stateOf(name));

    budget.closeBefore('2026-06-30');
    assert.deepEqual(open(), [called, unsaid, today, 'run:1']);

    budget.settle(held, 7);
    const said = { reservedMicroUsd: -30, settledMicroUsd: 7, row: row(0, 7) };
    budget.flushed({ ...nothing, name: called, ...said });
    budget.flushed({ ...nothing, name: unsaid, settledMicroUsd: 5, row: row(0, 5) });
    budget.closeBefore('2026-06-30');
    assert.deepEqual(open(), [today, 'run:1']);
  });

  it('goes on without what a flush has said whose answer was lost', () => {
    const budget = new Budget();
    budget.open(purse, 100);
    budget.settle(budget.reserve([purse], 30), 7);

    budget.flushed({ ...nothing, settledMicroUsd: 7, row: null });

    assert.deepEqual(budget.stateOf(purse), row(0, 7));
  });

  it('follows the limit of the row, but for what was said before the limit was moved here', () => {
    const budget = new Budget();
    budget.open(purse, 100);

    budget.flushed({ ...nothing, row: row(0, 0, 80) });
    assert.equal(budget.left(purse), 80);
    budget.open(purse, 500);
    budget.flushed({ ...nothing, row: row(0, 0, 80) });
    assert.equal(budget.left(purse), 500);
    budget.flushed({ ...nothing, row: row(0, 0, 300) });
    assert.equal(budget.left(purse), 300);
  });

  it('takes over what an engine that is gone has reserved, which the row holds already', () => {
    const budget = new Budget();
    budget.open(purse, 100, { reservedMicroUsd: 40 });
    budget.open('run:1', 100);

    const taken = budget.inherit([purse, 'run:1'], 40);

    assert.deepEqual([budget.left(purse), budget.left('run:1')], [60, 60]);
    assert.equal(budget.isHeldByOthers(purse), false);
    budget.settle(taken, 15);
    assert.deepEqual([budget.left(purse), budget.left('run:1')], [85, 85]);
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
