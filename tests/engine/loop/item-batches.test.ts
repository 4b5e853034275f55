import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  Driven,
  failed,
  foreach,
  nameOf,
  reduce,
  runOf,
  succeeded,
  task,
} from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

const bills = (...ofs: readonly string[]) =>
  ofs.map((of) => ({ id: of, vendor: of.split('-')[0] as string }));

/** Bills of a vendor together, two in a step; what an agent is given is what it is given, whole. */
const perVendor = () =>
  foreach('bills', {
    body: [task('bills', { input: { bills: { cel: 'items' } } })],
    batch: { by: { cel: 'item.vendor' }, most: 2 },
  });

const results = (...keys: readonly string[]) =>
  succeeded({ results: keys.map((key) => ({ key, seen: `${key} seen` })) });

describe('a foreach that works in batches', () => {
  it('puts items of one value into one step, in the order in which they first come, so many at most', () => {
    verifies('R1.batching');
    const driven = new Driven(runOf([perVendor()]));

    driven.expand(bills('b-1', 'a-1', 'b-2', 'a-2', 'b-3', 'c-1'));

    assert.deepEqual(driven.readyPaths, ['bills[b-1]', 'bills[b-3]', 'bills[a-1]', 'bills[c-1]']);
    const given = driven.ready.map((step) => driven.run.inputOf(step)) as readonly {
      readonly bills: readonly { readonly id: string }[];
    }[];
    assert.deepEqual(
      given.map((each) => each.bills.map(({ id }) => id)),
      [['b-1', 'b-2'], ['b-3'], ['a-1', 'a-2'], ['c-1']],
    );
  });

  it('hands on one result an item, in the order of the items, whatever order they were handed in', () => {
    verifies('R1.batching');
    const driven = new Driven(runOf([perVendor(), reduce('sum', ['bills'])]));

    driven.expand(bills('b-1', 'a-1', 'b-2'));
    driven.end('bills[a-1]', results('a-1')).end('bills[b-1]', results('b-2', 'b-1'));

    const seen = ['b-1', 'a-1', 'b-2'].map((key) => ({ key, seen: `${key} seen` }));
    assert.deepEqual(driven.step('bills').output, seen);
    assert.deepEqual(driven.run.inputOf(driven.step('sum')), { items: seen, missing: 0 });
  });

  it('counts a failed step as every one of its items', () => {
    verifies('R1.batching');
    const continued = { ...perVendor(), onItemFailure: 'continue' } as const;
    const driven = new Driven(runOf([continued, reduce('sum', ['bills'])]));

    driven.expand(bills('b-1', 'a-1', 'b-2'));
    driven.end('bills[b-1]', failed).end('bills[a-1]', results('a-1'));

    const sum = driven.run.inputOf(driven.step('sum')) as { readonly missing: number };
    assert.equal(sum.missing, 2);
    const stopped = new Driven(runOf([perVendor()])).expand(bills('b-1', 'a-1', 'b-2'));
    stopped.end('bills[a-1]', results('a-1')).end('bills[b-1]', failed);
    assert.match(String(stopped.step('bills').error?.message), /^2 of 3 items of 'bills' failed/);
  });

  it('puts all items together without a value, and opens so many batches at once', () => {
    const whole = { ...perVendor(), batch: { most: 2 }, concurrency: 1 };
    const driven = new Driven(runOf([whole])).expand(bills('b-1', 'a-1', 'b-2'));

    assert.deepEqual(driven.readyPaths, ['bills[b-1]']);
    driven.end('bills[b-1]', results('b-1', 'a-1'));
    assert.deepEqual(driven.readyPaths, ['bills[b-2]']);
  });

  it('has every item in exactly one step, by the data alone', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', null), fc.nat(40)), {
          selector: ([vendor, number]) => `${vendor}-${number}`,
        }),
        fc.integer({ min: 1, max: 5 }),
        (of, most) => {
          const items = of.map(([vendor, number]) => ({ id: `${vendor}-${number}`, vendor }));
          const open = () => {
            const node = { ...perVendor(), batch: { by: { cel: 'item.vendor' }, most } };
            return new Driven(runOf([node])).expand(items).run.steps.slice(1);
          };
          const steps = open();
          const keys = steps.flatMap(({ item }) => item?.members.map(({ key }) => key) ?? []);

          assert.deepEqual(keys.toSorted(), items.map(({ id }) => id).toSorted());
          for (const { item, itemKey } of steps) {
            const values = item?.value as readonly { readonly id: string; readonly vendor: null }[];
            assert.ok(values.length <= most);
            assert.equal(new Set(values.map(({ vendor }) => vendor)).size, 1);
            assert.equal(values[0]?.id, itemKey);
          }
          assert.deepEqual(open().map(nameOf), steps.map(nameOf));
        },
      ),
      { numRuns: 200 },
    );
  });

  for (const [what, change, message] of [
    ['a graph for its items', { body: [task('x'), task('y')] }, /one agent alone/],
    ['no item in a step', { batch: { most: 0 } }, /puts 0 items .* from 1 to 1000/],
  ] as const)
    it(`is refused with ${what}`, () => {
      assert.throws(() => runOf([foreach('bills', { ...perVendor(), ...change, outputs: [] })]), {
        code: 'WORKFLOW_INVALID',
        message,
      });
    });
});
