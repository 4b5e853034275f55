import assert from 'node:assert/strict';
import { z } from 'zod';
import { compile } from '../../core/engine/graph/compile.ts';
import { parseExpression } from '../../core/engine/graph/expression.ts';
import { defineAgent } from '../../core/sdk/agent.ts';
import { defineWorkflow } from '../../core/sdk/define-workflow.ts';
import type { TaskNode } from '../../core/sdk/node.ts';
import { all, any, cel, eq, expression, gt, lt, ne, not } from '../../core/sdk/ref.ts';
import { labAgents } from '../support/fixtures/graphs.ts';

const work = defineAgent({
  name: 'work',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.unknown(),
  output: z.object({ count: z.number() }),
  tools: {},
});
const nameOf = () => 'lab.work';

/** What a condition says of an input. */
function holds(when: unknown, input: unknown): unknown {
  const run = { today: '2026-06-30', company: '' };
  return parseExpression(expression(when, 'when'), 'when')({ input, run, nodes: {} });
}

describe('a condition written in TypeScript', () => {
  const [yes, no] = [cel<boolean>('input.yes'), cel<boolean>('input.no')];
  const input = { yes: true, no: false, row: { a: { n: 1 }, b: { n: 2 } }, n: 3, text: ') || (' };

  it('compares what stands on each side, whatever operators that has', () => {
    const chosen = cel<number>('input.no ? 9 : input.n');
    const said = [
      [eq(any(yes, no), false), false],
      [ne(any(yes, no), true), false],
      [eq(yes, any(no, no)), false],
      [gt(chosen, 5), false],
      [lt(cel<number>('5'), chosen), false],
      [eq(not(all(yes, no)), yes), true],
      [eq(cel<{ n: number }>('input.no ? input.row.a : input.row.b').n, 2), true],
    ] as const;

    for (const [when, expected] of said)
      assert.equal(holds(when, input), expected, expression(when, '').cel);
  });

  it('is as short as it can be', () => {
    const said = [
      eq(cel<string>('input.text'), ') || ('),
      gt(cel<number>('items.filter(x, x.a && x.b).size()'), 1),
      eq(cel<Record<string, number>>('input')['a b'] as never, 1),
      eq(cel<string>('input.?text.orValue("a + b")'), 'a'),
    ];

    assert.deepEqual(
      said.map((when) => expression(when, '').cel),
      [
        'input.text == ") || ("',
        'items.filter(x, x.a && x.b).size() > 1',
        'input["a b"] == 1',
        'input.?text.orValue("a + b") == "a"',
      ],
    );
  });
});

describe('a graph written in TypeScript', () => {
  it('waits for the nodes that its expressions mention, and for nothing that is only called like them', () => {
    const workflow = defineWorkflow({
      name: 'lab',
      input: z.object({
        nodes: z.object({ count: z.number() }),
        each: z.object({ a: z.number() }),
      }),
      graph({ task, input }) {
        const first = task({
          ...{ id: 'first', agent: work },
          input: {
            n: input.nodes.count,
            a: input.each.a,
            text: 'Look at nodes.second, at each.one',
          },
        });
        task({
          ...{ id: 'second', agent: work, when: eq(first.output.count, 1) },
          input: { same: first.output },
        });
        task({
          ...{ id: 'third', agent: work },
          input: { text: cel<string>('"nodes.second" + string(nodes["first"].output.count)') },
        });
      },
    });

    const data = workflow.record(nameOf);

    assert.deepEqual(
      (data.nodes as readonly TaskNode[]).map(({ id, after }) => [id, after]),
      [
        ['first', []],
        ['second', ['first']],
        ['third', ['first']],
      ],
    );
    assert.deepEqual(data.nodes[1]?.when, { cel: 'nodes.first.output.count == 1' });
    compile(data, labAgents);
  });
});
