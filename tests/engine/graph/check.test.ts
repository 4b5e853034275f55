import assert from 'node:assert/strict';
import { z } from 'zod';
import { Decimal, Money } from '../../../core/base/money.ts';
import { Text } from '../../../core/base/text.ts';
import { checkWorkflow } from '../../../core/engine/graph/check.ts';
import type { Fault } from '../../../core/engine/graph/fault.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { defineAgent } from '../../../core/sdk/agent.ts';
import { defineEntity, field } from '../../../core/sdk/entity.ts';
import type { ItemNode, Node, Template, WorkflowData } from '../../../core/sdk/node.ts';
import { loadRegistry, type RegisteredAgent } from '../../../core/sdk/registry.ts';
import { defineTool } from '../../../core/sdk/tool.ts';
import config from '../../../tutti.config.ts';
import { foreach, gate, reduce, task, workflow } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

const said = z.strictObject({ status: z.enum(['open', 'held']), total: Money, limit: Decimal });
const agent = (name: string, input: z.ZodType, output: z.ZodType): [string, RegisteredAgent] => [
  `lab.${name}`,
  {
    name: `lab.${name}`,
    module: 'lab',
    agent: defineAgent({ name, purpose: 'W.', instructions: 'W.', input, output, tools: {} }),
  },
];
const agents = new Map([
  agent('work', z.unknown(), z.unknown()),
  agent('judge', z.strictObject({ bill: z.string(), limit: Decimal.optional() }), said),
  agent('sum', z.object({ items: z.array(said), missing: z.int() }), z.object({ count: z.int() })),
]);
const write = defineTool({
  name: 'lab.bill.hold',
  description: 'Holds.',
  parameters: z.object({ bill: z.string() }),
  result: z.object({ held: z.boolean() }),
  effect: 'propose',
}).handler(async () => ({ held: true }));
const bill = defineEntity('bill', {
  total: field.money(),
  memo: field.text(),
  status: field.oneOf('draft', 'held'),
  due: field.optional(field.date()),
});
const declarations = {
  agents,
  tools: new Map([[write.name, write]]),
  entities: new Map([['bill', bill]]),
  workflows: new Map<string, { data: WorkflowData }>(),
};

const input = {
  type: 'object',
  properties: {
    bill: { type: 'string' },
    note: { type: 'string' },
    limit: { type: 'string', format: 'decimal' },
    count: { type: 'integer' },
    ids: { type: 'array', items: { type: 'string' } },
  },
  required: ['bill', 'limit', 'count', 'ids'],
};

function check(nodes: readonly Node[], more: Partial<WorkflowData> = {}): readonly Fault[] {
  return checkWorkflow({ ...workflow(nodes), input, ...more }, declarations);
}

/** `node path code` of each fault, with ? before a warning. */
function told(nodes: readonly Node[], more: Partial<WorkflowData> = {}): readonly string[] {
  return check(nodes, more).map(
    ({ node, path, code, severity }) =>
      `${severity === 'warning' ? '? ' : ''}${node} ${path} ${code}`,
  );
}

const judge = (id: string, given: Template = { bill: { cel: 'input.bill' } }, more = {}): Node =>
  task(id, { agent: 'lab.judge', input: given, ...more });
const compute = (id: string, value: Template, more = {}): ItemNode & { kind: 'compute' } => ({
  ...{ kind: 'compute', id, after: [], join: 'all_succeeded', from: [], value },
  ...more,
});
const bills = { entity: 'bill', filter: { status: 'draft' }, order: [] };
const route = (more = {}): Node => ({
  kind: 'switch',
  id: 'route',
  after: [],
  join: 'all_succeeded',
  cases: [
    { id: 'high', when: { cel: 'input.count > 3' } },
    { id: 'low', when: { cel: 'input.count > 1' } },
  ],
  otherwise: 'none',
  ...more,
});

describe('a checked workflow', () => {
  it('passes where everything fits', () => {
    verifies('R1.condition', 'R1.inputs');
    const nodes = [
      judge('one', { bill: { cel: 'input.bill' }, limit: { cel: 'input.limit' } }),
      gate('over', 'nodes.one.output.total.amount > input.limit', { after: ['one'] }),
      foreach('each', {
        after: ['over'],
        items: bills,
        key: { cel: 'item.id' },
        body: [judge('each', { bill: { cel: 'item.id' } }) as ItemNode],
      }),
      reduce('all', ['each', 'one'], { agent: 'lab.sum' }),
    ];
    assert.deepEqual(check(nodes), []);
  });

  it('holds for every workflow of the modules', () => {
    const registry = loadRegistry(config as never, sharedEntities);
    for (const { data } of registry.workflows.values())
      assert.deepEqual(checkWorkflow(data, registry), [], data.name);
  });
});

describe('a fault of types', () => {
  const cases: readonly (readonly [string, readonly Node[], readonly string[]])[] = [
    ['an unknown member', [gate('g', 'input.bil == "x"')], ['g when unknown_member']],
    ['an unknown name', [gate('g', 'inputs.bill == "x"')], ['g when unknown_name']],
    ['an unknown node', [gate('g', 'nodes.two.output == 1')], ['g when unknown_member']],
    ['wrong operands', [gate('g', 'input.count > input.bill')], ['g when type_mismatch']],
    ['a decimal beside text', [gate('g', 'input.limit > "950"')], ['g when type_mismatch']],
    ['a condition that is none', [gate('g', 'input.count')], ['g when type_mismatch']],
    [
      'a condition on a node',
      [judge('a', undefined, { when: { cel: '1' } })],
      ['a when type_mismatch'],
    ],
    [
      'a case that is no condition',
      [route({ cases: [{ id: 'high', when: { cel: 'input.bill' } }] })],
      ['route cases.high type_mismatch'],
    ],
    [
      'items that are no list',
      [foreach('f', { items: { cel: 'input.count' } })],
      ['f items type_mismatch'],
    ],
    [
      'a key that is none',
      [foreach('f', { items: { cel: 'input.ids' }, key: { cel: 'input.ids' } })],
      ['f key type_mismatch'],
    ],
    [
      'an unknown field of a query',
      [foreach('f', { items: { ...bills, filter: { statu: 'x' } }, key: { cel: 'item.id' } })],
      ['f items.filter.statu unknown_member'],
    ],
    [
      'a value that a field never has',
      [foreach('f', { items: { ...bills, filter: { status: 'x' } }, key: { cel: 'item.id' } })],
      ['f items.filter.status type_mismatch'],
    ],
    ['a missing field', [judge('a', {})], ['a input.bill missing_field']],
    [
      'a field of another type',
      [judge('a', { bill: { cel: 'input.count' } })],
      ['a input.bill type_mismatch'],
    ],
    [
      'a field that is not taken',
      [judge('a', { bill: 'x', bll: 1 })],
      ['a input.bll unknown_field'],
    ],
    [
      'a field that may be absent',
      [judge('a', { bill: { cel: 'input.note' } })],
      ['? a input.bill may_be_absent'],
    ],
    ['an unknown agent', [task('a', { agent: 'lab.jugde' })], ['a agent unknown_name']],
    [
      'a reduce of other things',
      [compute('c', 1), reduce('r', ['c'], { agent: 'lab.sum' })],
      ['r from.items[] type_mismatch'],
    ],
    ['an expression that is none', [gate('g', '1 +')], ['g when expression']],
    ['a structure that is none', [gate('g', 'true', { after: ['no'] })], ['g  structure']],
  ];
  for (const [what, nodes, expected] of cases)
    it(`is ${what}`, () => {
      assert.deepEqual(told(nodes), expected);
    });

  it('says what was meant, and how a decimal is written', () => {
    assert.match(check([gate('g', 'input.bil == "x"')])[0]?.message ?? '', /did you mean 'bill'\?/);
    assert.match(
      check([gate('g', 'input.limit > "950.00"')])[0]?.message ?? '',
      /write decimal\("950\.00"\)/,
    );
    assert.match(
      check([judge('a', undefined, { agent: 'lab.jugde' })])[0]?.message ?? '',
      /lab\.judge/,
    );
  });

  it('is opaque text that is compared or joined, not passed on', () => {
    const each = (cel: string): readonly string[] =>
      told([
        foreach('f', {
          items: bills,
          key: { cel: 'item.id' },
          body: [task('work', { input: { memo: { cel } } })],
        }),
      ]);
    assert.deepEqual(each('item.memo'), []);
    for (const cel of [
      'item.memo == "x"',
      'item.memo + "x"',
      'item.memo.contains("x")',
      'size(item.memo)',
    ])
      assert.deepEqual(each(cel), ['f.work input.memo type_mismatch'], cel);
    assert.equal(new Text('x').length, 1);
  });

  it('is what may be null, until somebody asks', () => {
    const each = (cel: string): readonly string[] =>
      told([
        foreach('f', {
          items: bills,
          key: { cel: 'item.id' },
          body: [task('work', { when: { cel } })],
        }),
      ]);
    assert.deepEqual(each('item.due < run.today'), ['f.work when type_mismatch']);
    assert.deepEqual(each('item.due != null && item.due < run.today'), []);
    assert.deepEqual(each('item.due == null || item.due < run.today'), []);
    assert.deepEqual(each('!(item.due == null) && item.due < run.today'), []);
  });

  it('is the result of an effect that may only be proposed', () => {
    const hold: Node = {
      kind: 'tool',
      id: 'hold',
      after: [],
      join: 'all_succeeded',
      tool: 'lab.bill.hold',
      args: { bill: { cel: 'input.bill' } },
      priority: null,
      critical: null,
    };
    const asked = (cel: string): readonly string[] =>
      told([hold, gate('g', cel, { after: ['hold'] })]);
    assert.deepEqual(asked('nodes.hold.output.result.held'), ['g when may_be_absent']);
    assert.deepEqual(
      asked('nodes.hold.output.kind == "applied" && nodes.hold.output.result.held'),
      [],
    );
    assert.deepEqual(
      asked('nodes.hold.output.kind == "proposed" || nodes.hold.output.result.held'),
      [],
    );
    assert.deepEqual(asked('nodes.hold.output.kind == "aplied"'), ['g when type_mismatch']);
  });

  it('is looked for in a child workflow by its input and its output', () => {
    const child = {
      ...workflow([compute('c', 1)]),
      name: 'child',
      input,
      output: { n: { cel: 'nodes.c.output' } },
    };
    const known = { ...declarations, workflows: new Map([['child', { data: child }]]) };
    const call: Node = {
      kind: 'workflow',
      id: 'sub',
      after: [],
      join: 'all_succeeded',
      workflow: 'child',
      input: { bill: 1, limit: '1', count: 1, ids: [] },
      critical: null,
    };
    const found = checkWorkflow(
      workflow([call, gate('g', 'nodes.sub.output.n == "x"', { after: ['sub'] })]),
      known,
    );
    assert.deepEqual(
      found.map(({ node, path, code }) => `${node} ${path} ${code}`),
      ['sub input.bill type_mismatch', 'g when type_mismatch'],
    );
    assert.equal(
      checkWorkflow(workflow([{ ...call, workflow: 'chlid' }]), known)[0]?.code,
      'unknown_name',
    );
  });
});

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
  it('takes at most 50 ms for 1,000 nodes', () => {
    const chain = Array.from({ length: 999 }, (_, at) =>
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
    const nodes = [
      ...chain,
      reduce(
        'all',
        chain.map(({ id }) => id),
        { agent: 'lab.sum' },
      ),
    ];
    const tookMs = Array.from({ length: 5 }, () => {
      // This thread's own time: others on the machine are none of its business.
      const start = process.threadCpuUsage();
      assert.deepEqual(told(nodes), []);
      const { user, system } = process.threadCpuUsage(start);
      return (user + system) / 1000;
    });
    assert.ok(Math.min(...tookMs) <= 50, `took ${tookMs.map(Math.round).join(', ')} ms`);
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
