import assert from 'node:assert/strict';
import { compile } from '../../../core/engine/graph/compile.ts';
import { partOf } from '../../../core/engine/graph/part.ts';
import type { Cel, Node } from '../../../core/sdk/node.ts';
import { foreach, gate, labAgents, reduce, task, workflow } from '../../support/fixtures/graphs.ts';

const place = { after: [], join: 'all_succeeded' } as const;
const made = (id: string, value: Cel, from: readonly string[] = []): Node => {
  return { kind: 'compute', id, ...place, from, value };
};
const reading = (id: string, cel: string, after: readonly string[] = []) =>
  task(id, { input: { read: { cel } }, after });

/** The nodes of a part, each with what it waits for there. */
function partIn(nodes: readonly Node[], id: string): Readonly<Record<string, readonly string[]>> {
  const part = partOf(workflow(nodes), id);
  compile(part, labAgents);
  return Object.fromEntries(part.nodes.map((node) => [node.id, node.after]));
}

describe('the part of a workflow that tells of a node', () => {
  it('has what the node is given, and nothing of what it waits for besides', () => {
    const nodes = [
      task('first'),
      reading('read', 'nodes.first.output.a'),
      task('other', { after: ['read'] }),
      gate('open', 'nodes.other.output.b == 1', { after: ['other'] }),
      reading('last', 'nodes.read.output.b', ['read', 'open']),
    ];

    assert.deepEqual(partIn(nodes, 'last'), { read: [], last: ['read'] });
  });

  it('has of what expressions made all that it was made of', () => {
    const nodes = [
      task('first'),
      made('twice', { cel: 'nodes.first.output.a * 2' }),
      reduce('sum', ['first']),
      made('more', { cel: 'nodes.twice.output + nodes.sum.output' }, ['sum']),
      reading('last', 'nodes.more.output'),
    ];

    assert.deepEqual(partIn(nodes, 'last'), {
      ...{ first: [], twice: ['first'], sum: [] },
      ...{ more: ['twice', 'sum'], last: ['more'] },
    });
  });

  it('has of a foreach what its list, its keys and its items are made of', () => {
    const inner = [reading('one', 'nodes.rate.output'), reading('two', 'each.one.output', ['one'])];
    const nodes = [
      ...[task('list'), task('rate'), task('names'), task('no_matter')],
      foreach('all', {
        after: ['list', 'rate', 'names', 'no_matter'],
        items: { cel: 'nodes.list.output' },
        key: { cel: 'nodes.names.output[item.id]' },
        body: inner,
      }),
    ];

    const { all, ...rest } = partIn(nodes, 'all');

    assert.deepEqual([...(all ?? [])].sort(), ['list', 'names', 'rate']);
    assert.deepEqual(rest, { list: [], rate: [], names: [] });
  });

  it('has everything before a node that does not say which it reads', () => {
    const nodes = [
      ...[task('a'), task('b', { after: ['a'] })],
      reading('all', 'size(nodes)', ['b']),
      reading('later', 'nodes.all.output', ['all']),
    ];

    assert.deepEqual(partIn(nodes, 'all'), { a: [], b: [], all: ['b', 'a'] });
  });

  it('is as large for a node of thousands as for one of a few', () => {
    const chain = (length: number): readonly Node[] =>
      Array.from({ length }, (_, at) => {
        const before = at === 0 ? [] : [`n${at - 1}`];
        return reading(`n${at}`, at === 0 ? 'input.a' : `nodes.n${at - 1}.output`, before);
      });

    const sizes = [3, 5_000].map(
      (length) => partOf(workflow(chain(length)), `n${length - 1}`).nodes.length,
    );

    assert.deepEqual(sizes, [2, 2]);
  });

  it('is empty without the node', () => {
    assert.deepEqual(partOf(workflow([task('a')]), 'b').nodes, []);
  });
});
