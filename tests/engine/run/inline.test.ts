import assert from 'node:assert/strict';
import { Run } from '../../../core/engine/run/run.ts';
import type { ComputeNode, Node } from '../../../core/sdk/node.ts';
import {
  Driven,
  facts,
  failed,
  foreach,
  graphOf,
  runOf,
  succeeded,
  task,
} from '../../support/fixtures/graphs.ts';

const choice = (when: string, otherwise: string | null = null): Node => ({
  kind: 'switch',
  id: 'route',
  after: [],
  join: 'all_succeeded',
  cases: [{ id: 'yes', when: { cel: when } }],
  otherwise,
});

/** The statuses of a run's nodes at its start. */
function started(nodes: readonly Node[]) {
  const run = runOf(nodes);
  run.start(0);
  return { run, statuses: Object.fromEntries(run.steps.map(({ node, status }) => [node, status])) };
}

describe('a node that expressions decide', () => {
  it('is skipped when its own condition does not hold, and what needs it with it', () => {
    const { statuses } = started([
      task('first', { when: { cel: '1 > 2' } }),
      task('second', { after: ['first'] }),
      task('third', { after: ['first'], join: 'all_done' }),
    ]);

    assert.deepEqual(statuses, { first: 'skipped', second: 'skipped', third: 'ready' });
  });

  it('fails when its condition cannot be told', () => {
    const { run } = started([task('first', { when: { cel: 'input.nothing' } })]);

    assert.equal(run.steps[0]?.error?.code, 'EXPRESSION_INVALID');
    assert.equal(run.status, 'failed');
  });

  for (const [given, kind] of [
    ['"yes"', 'text'],
    ['1', 'a number'],
    ['null', 'null'],
    ['[true]', 'a list'],
    ['{"is": true}', 'an object'],
  ] as const)
    it(`fails when its condition gives ${kind}, which is neither true nor false`, () => {
      const { run } = started([
        task('first', { when: { cel: `dyn(${given})` } }),
        choice(`dyn(${given})`, 'no'),
        task('second', { after: ['first'] }),
      ]);

      const errors = run.steps.slice(0, 2).map(({ status, error }) => [status, error?.code]);
      assert.deepEqual(errors, Array(2).fill(['failed', 'EXPRESSION_INVALID']));
      assert.match(
        run.steps[0]?.error?.message ?? '',
        new RegExp(`^The condition of 'first' gives ${kind};`),
      );
      assert.match(run.steps[1]?.error?.message ?? '', /'route', case 'yes',/);
    });

  it('of a run that an older release began is not asked for by a condition that is not true', () => {
    const nodes = [
      task('first', { when: { cel: 'dyn("yes")' } }),
      choice('dyn(1)', 'no'),
      task('second'),
    ];
    const run = new Run({ ...facts, journal: 5 }, graphOf(nodes));
    run.start(0);

    const [first, route] = run.steps;
    assert.deepEqual([first?.status, route?.output], ['skipped', { case: 'no' }]);
  });

  it('lets start what stands behind the chosen case alone', () => {
    const { statuses } = started([
      choice('2 > 1', 'no'),
      task('a', { after: ['route.yes'] }),
      task('b', { after: ['route.no'] }),
      task('c', { after: ['route'] }),
    ]);

    assert.deepEqual(statuses, {
      route: 'succeeded',
      a: 'ready',
      b: 'skipped',
      c: 'ready',
    });
  });

  it('is skipped as a switch that has no case to choose', () => {
    const { statuses } = started([choice('1 > 2'), task('a', { after: ['route.yes'] })]);

    assert.deepEqual(statuses, { route: 'skipped', a: 'skipped' });
  });

  it('knows in an item, as at the top, that what was skipped or has failed has brought nothing', () => {
    const value = { cel: 'has(each.a.output) ? each.a.output.total : 0' };
    const sum: ComputeNode = {
      ...{ kind: 'compute', id: 'sum', after: ['a'], join: 'all_done', from: [], value },
    };
    const body = [task('a', { when: { cel: 'item.goes' } }), sum];
    const driven = new Driven(runOf([foreach('items', { body })]));

    driven.expand([
      { id: 'there', goes: true },
      { id: 'fails', goes: true },
      { id: 'skipped', goes: false },
    ]);
    driven.end('items/a[there]', succeeded({ total: 7 })).end('items/a[fails]', failed);

    const sums = driven.run.steps.filter(({ node }) => node === 'items/sum');
    assert.deepEqual(
      sums.map(({ itemKey, output, error }) => [itemKey, output, error]),
      [
        ['there', 7, null],
        ['fails', 0, null],
        ['skipped', 0, null],
      ],
    );
  });

  it('joins exclusive ways again with the join any', () => {
    const { run } = started([
      choice('2 > 1', 'no'),
      task('a', { after: ['route.yes'] }),
      task('b', { after: ['route.no'] }),
      task('after', { after: ['a', 'b'], join: 'any' }),
    ]);
    const [, a, , after] = run.steps;
    assert.ok(a && after);

    run.begin(a, 0);
    run.settle(a, succeeded(), 0);

    assert.equal(after.status, 'ready');
  });
});
