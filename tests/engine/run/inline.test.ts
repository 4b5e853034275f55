import assert from 'node:assert/strict';
import type { Node } from '../../../core/sdk/node.ts';
import { runOf, succeeded, task } from '../../support/fixtures/graphs.ts';

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
