import assert from 'node:assert/strict';
import type { Join } from '../../../core/sdk/node.ts';
import {
  Driven,
  failed,
  gate,
  reduce,
  runOf,
  statuses,
  succeeded,
  task,
} from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

const ends = ['succeeded', 'failed', 'skipped', 'open'] as const;
type End = (typeof ends)[number];

/**
 * The join table of docs/workflows.md, every cell for each way to end: what a node does (`+` starts, `-` is skipped, `.` waits)
 * when the first of its two dependencies has ended as the row says and the second as the column says, in the order of `ends`.
 */
const table: Readonly<Record<Join, readonly string[]>> = {
  all_succeeded: ['+--.', '----', '----', '.--.'],
  all_done: ['+++.', '+++.', '+++.', '....'],
  any: ['++++', '+--.', '+--.', '+...'],
};

const words = { '+': 'starts', '-': 'is skipped', '.': 'waits' } as const;

const cells = Object.entries(table).flatMap(([join, rows]) =>
  rows.flatMap((row, first) =>
    [...row].map((verdict, second) => ({
      join: join as Join,
      verdict: verdict as keyof typeof words,
      deps: [ends[first], ends[second]] as readonly [End, End],
    })),
  ),
);
const signs: Readonly<Record<string, string>> = { ready: '+', skipped: '-', pending: '.' };

describe('joins', () => {
  for (const { join, verdict, deps } of cells) {
    it(`with ${join} a node ${words[verdict]} when its dependencies are ${deps.join(' and ')}`, () => {
      verifies('R1.dag', 'R2.topological');
      const nodes = deps.map((end, index) =>
        end === 'skipped'
          ? gate(`d${index}`, 'false', { after: ['go'] })
          : task(`d${index}`, { after: ['go'] }),
      );
      const driven = new Driven(
        runOf([task('go'), ...nodes, task('node', { after: ['d0', 'd1'], join })]),
      );

      driven.end('go', succeeded());
      for (const [index, end] of deps.entries()) {
        if (end === 'succeeded') driven.end(`d${index}`, succeeded());
        if (end === 'failed') driven.end(`d${index}`, failed);
      }

      assert.equal(signs[driven.step('node').status], verdict);
    });
  }

  it('ignores what ends after a node has started', () => {
    const driven = new Driven(
      runOf([task('a'), task('b'), task('first', { after: ['a', 'b'], join: 'any' })]),
    );

    driven.end('a', succeeded()).end('first', succeeded()).end('b', failed);

    assert.deepEqual(statuses(driven.run), { a: 'succeeded', b: 'failed', first: 'succeeded' });
    assert.equal(driven.ends, 1);
  });
});

describe('gates', () => {
  it('skip what follows, and what follows that, when they are closed', () => {
    verifies('R1.gate', 'R1.condition');
    const driven = new Driven(
      runOf([
        task('match'),
        gate('open', 'nodes.match.output.status == "held"', { after: ['match'] }),
        task('review', { after: ['open'] }),
        task('report', { after: ['review'] }),
        task('always', { after: ['review'], join: 'all_done' }),
      ]),
    );

    driven.end('match', succeeded({ status: 'clear' }));

    assert.deepEqual(statuses(driven.run), {
      match: 'succeeded',
      open: 'skipped',
      review: 'skipped',
      report: 'skipped',
      always: 'ready',
    });
    driven.end('always', succeeded());
    assert.equal(driven.run.status, 'succeeded');
  });

  it('let pass when they are open', () => {
    const driven = new Driven(
      runOf([gate('open', 'run.today == "2026-06-30"'), task('on', { after: ['open'] })]),
    );

    assert.deepEqual(driven.readyPaths, ['on']);
  });

  it('fail when their condition cannot be told, and nothing else does', () => {
    const driven = new Driven(
      runOf([gate('open', 'input.gone == 1'), task('on', { after: ['open'] }), task('beside')]),
    );

    assert.equal(driven.step('open').error?.code, 'EXPRESSION_INVALID');
    assert.equal(driven.step('on').status, 'skipped');
    assert.deepEqual(driven.readyPaths, ['beside']);
  });

  it('end a run that consists of nothing else', () => {
    const driven = new Driven(runOf([gate('open', 'false'), task('on', { after: ['open'] })]));

    assert.equal(driven.ends, 1);
    assert.equal(driven.run.status, 'succeeded');
  });
});

describe('inputs', () => {
  it('of a task come from the run, from constants and from outputs of other nodes', () => {
    verifies('R1.inputs', 'R1.output-mapping', 'R1.data-flow');
    const input = {
      day: { cel: 'run.today' },
      fixed: [1, null],
      from: { cel: 'nodes.a.output.rows' },
    };
    const driven = new Driven(runOf([task('a'), task('b', { after: ['a'], input })]));
    const rows = [{ id: 'x', deep: { n: 1.5 } }];

    driven.end('a', succeeded({ rows }));

    assert.deepEqual(driven.run.inputOf(driven.step('b')), {
      day: '2026-06-30',
      fixed: [1, null],
      from: rows,
    });
  });

  it('of a reduce are the outputs that came, and how many did not', () => {
    verifies('R1.reduce');
    const driven = new Driven(
      runOf([
        task('a'),
        task('b'),
        task('c'),
        reduce('sum', ['a', 'b', 'c'], { join: 'all_done' }),
      ]),
    );

    driven.end('c', succeeded(3)).end('b', failed).end('a', succeeded(1));

    assert.deepEqual(driven.run.inputOf(driven.step('sum')), { items: [1, 3], missing: 1 });
  });
});
