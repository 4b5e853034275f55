import assert from 'node:assert/strict';
import { diffWorkflows } from '../../../core/engine/versions/diff.ts';
import { foreach, task, workflow } from '../../support/fixtures/graphs.ts';

const before = workflow([
  task('a'),
  foreach('each', { body: [task('b', { input: { n: 1, m: { x: 1 } } }), task('gone')] }),
  task('c'),
]);

describe('the difference of two versions', () => {
  it('is nothing between equal ones, whatever the order of their members', () => {
    const { nodes, ...rest } = before;
    const other = { nodes: nodes.map((node) => ({ ...node })), ...rest };

    const { isSame, members, added, removed, changed } = diffWorkflows(before, other);

    assert.equal(isSame, true);
    assert.deepEqual([members, added, removed, changed], [[], [], [], []]);
  });

  it('names nodes that came, went and changed, those of items by their foreach, and each member', () => {
    const after = {
      ...workflow([
        task('a'),
        foreach('each', {
          body: [task('b', { input: { n: 2, m: { x: 1, y: [1] } } }), task('new')],
          concurrency: 4,
        }),
        task('c'),
      ]),
      partial: true,
    };

    const found = diffWorkflows(before, after);

    assert.equal(found.isSame, false);
    assert.deepEqual(found.members, [{ path: 'partial', before: false, after: true }]);
    assert.deepEqual(found.added, [{ node: 'each.new', kind: 'task' }]);
    assert.deepEqual(found.removed, [{ node: 'each.gone', kind: 'task' }]);
    assert.deepEqual(found.changed, [
      {
        node: 'each',
        members: [
          { path: 'outputs', before: ['gone'], after: ['new'] },
          { path: 'concurrency', before: null, after: 4 },
        ],
      },
      {
        node: 'each.b',
        members: [
          { path: 'input.n', before: 1, after: 2 },
          { path: 'input.m.y', before: undefined, after: [1] },
        ],
      },
    ]);
  });

  it('tells another order of the same nodes', () => {
    const [a, each, c] = before.nodes;
    const after = { ...before, nodes: [c, each, a] } as typeof before;

    const { isSame, isReordered, changed } = diffWorkflows(before, after);

    assert.deepEqual([isSame, isReordered, changed], [false, true, []]);
  });
});
