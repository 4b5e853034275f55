import assert from 'node:assert/strict';
import type { Node } from '../../../core/sdk/node.ts';
import { check, compute, judge, route, told } from '../../support/fixtures/checks.ts';
import { foreach, gate, reduce } from '../../support/fixtures/graphs.ts';

describe('a fault of the graph', () => {
  const reading = (id: string, more = {}): Node =>
    gate('g', `nodes.${id}.output.status == "open"`, more);

  it('is an output that nobody waits for, or that may not be there', () => {
    assert.deepEqual(told([judge('a'), reading('a')]), ['g when may_be_absent']);
    assert.deepEqual(told([judge('a'), reading('a', { after: ['a'] })]), []);
    assert.deepEqual(told([judge('a'), reading('a', { after: ['a'], join: 'all_done' })]), [
      'g when may_be_absent',
    ]);
    assert.deepEqual(
      told([judge('a'), judge('b'), reading('a', { after: ['a', 'b'], join: 'any' })]),
      ['g when may_be_absent'],
    );
    const asked = gate('g', 'has(nodes.a.output) && nodes.a.output.status == "open"', {
      after: ['a'],
      join: 'all_done',
    });
    assert.deepEqual(told([judge('a'), asked]), []);
  });

  it('is an output behind a gate, through a join that does not need it', () => {
    const nodes = [
      gate('open', 'input.count > 1'),
      judge('a', undefined, { after: ['open'] }),
      judge('b'),
    ];
    assert.deepEqual(told([...nodes, reading('a', { after: ['a', 'b'], join: 'all_done' })]), [
      'g when may_be_absent',
    ]);
    assert.deepEqual(told([...nodes, reading('a', { after: ['a', 'b'] })]), []);
  });

  it('is a node after two cases of which one is chosen', () => {
    const [high, low] = [
      judge('a', undefined, { after: ['route.high'] }),
      judge('b', undefined, { after: ['route.low'] }),
    ];
    assert.deepEqual(told([route(), high, low, judge('c', undefined, { after: ['a', 'b'] })]), [
      'c  unreachable',
    ]);
    assert.deepEqual(
      told([route(), high, low, judge('c', undefined, { after: ['a', 'b'], join: 'any' })]),
      [],
    );
    assert.match(
      check([route(), high, low, reading('b', { after: ['a', 'b'], join: 'any' })])[0]?.message ??
        '',
      /may have failed or been skipped/,
    );
  });

  it('is a condition that never holds, and what waits for it', () => {
    assert.deepEqual(told([gate('g', '1 > 2'), judge('a', undefined, { after: ['g'] })]), [
      'g  unreachable',
      'a  unreachable',
    ]);
    assert.deepEqual(
      told([gate('g', '1 > 2'), judge('a', undefined, { after: ['g'], join: 'all_done' })]),
      ['g  unreachable'],
    );
    const always = route({ cases: [{ id: 'high', when: { cel: 'true' } }] });
    assert.deepEqual(told([always, judge('a', undefined, { after: ['route.none'] })]), [
      'a  unreachable',
    ]);
  });

  it('is a computed value that nobody uses, as a warning', () => {
    assert.deepEqual(told([compute('c', 1)]), ['? c  unused_output']);
    assert.deepEqual(told([compute('c', 1)], { output: { cel: 'nodes.c.output' } }), []);
    assert.deepEqual(told([judge('a')]), []);
  });

  it('is an output of the run that may be skipped', () => {
    const output = { cel: 'nodes.a.output.status' };
    assert.deepEqual(
      told([judge('a', undefined, { when: { cel: 'input.count > 1' } })], { output }),
      ['null output may_be_absent'],
    );
    assert.deepEqual(told([judge('a')], { output }), []);
  });
});

describe('checking', () => {
  it('takes a time that grows as the nodes do', () => {
    const few = quickest(chainOf(250), 5);
    const many = quickest(chainOf(2_000), 2);

    // Eight times the nodes; a check of each pair would be 64 times the work.
    assert.ok(many < 24 * few, `${few} and ${many} ms`);
  });

  it('finds what is wrong in whatever is given to it, and does not fail itself', () => {
    const odd = [
      [judge('a'), judge('a')],
      [judge('a', undefined, { after: ['b'] }), judge('b', undefined, { after: ['a'] })],
      [
        compute('a', { cel: 'nodes.b.output' }, { after: ['b'] }),
        compute('b', { cel: 'nodes.a.output' }, { after: ['a'] }),
      ],
      [foreach('f', { outputs: ['no'] })],
      [],
    ];
    for (const nodes of odd) assert.ok(told(nodes).some((each) => each.includes('structure')));
  });
});

/** So many nodes, each of which reads the one before it, and one that waits for all of them. */
function chainOf(length: number): readonly Node[] {
  const chain = Array.from({ length }, (_, at) =>
    judge(
      `n${at}`,
      {
        bill: {
          cel: at ? `string(nodes.n${at - 1}.output.total.amount) + input.bill` : 'input.bill',
        },
        limit: { cel: 'input.limit * 2' },
      },
      {
        after: at ? [`n${at - 1}`] : [],
        when: { cel: `input.count > ${at} && input.ids.exists(id, id == "V-${at}")` },
      },
    ),
  );
  const ids = chain.map(({ id }) => id);
  return [...chain, reduce('all', ids, { agent: 'lab.sum' })];
}

/** Of some checks that find nothing, the milliseconds of this thread's own time: others on the machine are none of its business. */
function quickest(nodes: readonly Node[], times: number): number {
  const tookMs = Array.from({ length: times }, () => {
    const start = process.threadCpuUsage();
    assert.deepEqual(told(nodes), []);
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...tookMs);
}
