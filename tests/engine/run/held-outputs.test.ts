import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isInline } from '../../../core/engine/run/inline.ts';
import { Run } from '../../../core/engine/run/run.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import type { Node, Template } from '../../../core/sdk/node.ts';
import { facts, foreach, graphOf, reduce, succeeded, task } from '../../support/fixtures/graphs.ts';
import { aLife, type Life, Simulation } from '../../support/fixtures/simulation.ts';

/** A life whose nodes look at nodes before them, whether they wait for them or not: in what they are given, and in conditions. */
const aReadingLife = fc
  .tuple(aLife, fc.array(fc.nat(20), { minLength: 9, maxLength: 9 }))
  .map(([life, reads]) => ({
    ...life,
    nodes: life.nodes.map((node, at) => reading(node, at, reads[at] ?? 0)),
  }));

function reading(node: Node, at: number, read: number): Node {
  if (at === 0) return node;
  const path = `nodes.n${read % at}.output`;
  if (node.kind === 'task') return { ...node, input: { read: { cel: path } } };
  if (node.kind === 'gate') return { ...node, when: { cel: `has(${path})` } };
  if (node.kind !== 'foreach') return { ...node, when: { cel: `!has(${path}) || true` } };
  const [first, ...others] = node.body;
  return {
    ...node,
    body: [{ ...first, input: { cel: path } } as (typeof node.body)[number], ...others],
  };
}

/** Lives a whole life; returns what its steps were given. */
function live(life: Life) {
  const given: unknown[] = [];
  const simulation: Simulation = new Simulation(life, (step) =>
    given.push(givenTo(step, simulation.run)),
  );
  for (let at = 0; !simulation.hasEnded && at < 2_000; at += 1)
    simulation.advance((life.chances[at % life.chances.length] as number) + at);
  return { simulation, given };
}

function givenTo(step: Step, run: Run): unknown {
  try {
    return structuredClone(run.inputOf(step));
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a run brings that is made of all of its nodes: it holds them to its end. */
const everything = ({ nodes }: Life): Template =>
  Object.fromEntries(nodes.map(({ id }) => [id, { cel: `nodes.${id}.output` }]));

describe('outputs of steps', () => {
  it('are there for whoever looks at them: a run that lets them go takes the course of one that holds them all', () => {
    fc.assert(
      fc.property(aReadingLife, (life) => {
        const [one, holding] = [live(life), live({ ...life, output: everything(life) })];

        assert.deepEqual(one.given, holding.given);
        assert.deepEqual(one.simulation.journal, holding.simulation.journal);
        assert.equal(one.simulation.run.status, holding.simulation.run.status);
      }),
      { numRuns: 300 },
    );
  });

  it('are let go when the last node that looks at them has ended, however it did', () => {
    fc.assert(
      fc.property(aReadingLife, (life) => {
        const { run } = live(life).simulation;

        const brought = run.steps.filter(
          ({ item, kind }) => !item && !isInline({ kind }) && kind !== 'foreach',
        );
        for (const { node, output } of brought) assert.equal(output, null, node);
        assert.deepEqual(run.scope().nodes, {});
      }),
      { numRuns: 100 },
    );
  });

  for (const [how, node] of Object.entries({
    'what it is given': task('b', { input: { deep: [{ cel: 'nodes.a.output' }] } }),
    'a condition': task('b', { when: { cel: 'nodes.a.output == 1' } }),
    'what it gathers': reduce('b', ['a'], { after: ['a', 'c'] }),
    'a key of its items': foreach('b', { key: { cel: 'string(nodes.a.output) + item.id' } }),
    'what its items are given': foreach('b', {
      body: [task('x', { input: { cel: 'nodes.a.output' } })],
    }),
    'what people are shown': {
      kind: 'approval',
      id: 'b',
      after: [],
      join: 'all_succeeded',
      title: 'Yes?',
      show: { cel: 'nodes.a.output' },
      by: ['p'],
      required: 1,
      expires: 'PT1H',
      onRefusal: 'fail',
    },
    'a moment that it waits for': {
      kind: 'wait',
      id: 'b',
      after: [],
      join: 'all_succeeded',
      for: { kind: 'moment', at: { cel: 'nodes.a.output' } },
    },
    'all of them': task('b', { input: { cel: 'nodes' } }),
  } satisfies Readonly<Record<string, Node>>))
    it(`are held for ${how}`, () => {
      const nodes = [task('a'), task('c', { after: ['a'] }), { ...node, after: ['a', 'c'] }];
      const run = new Run(facts, graphOf(nodes));
      run.start(0);
      const [a, c] = run.steps as [Step, Step];

      for (const [step, output] of [
        [a, 1],
        [c, 2],
      ] as const) {
        run.begin(step, 0);
        run.settle(step, succeeded(output), 0);
      }

      assert.deepEqual(run.scope().nodes.a, { output: 1 });
      assert.equal(a.output, 1);
    });
});
