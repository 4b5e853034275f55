import assert from 'node:assert/strict';
import { Text } from '../../../core/base/text.ts';
import { checkWorkflow } from '../../../core/engine/graph/check.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import type { ForeachNode, ItemNode, Node } from '../../../core/sdk/node.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import config from '../../../tutti.config.ts';
import {
  bills,
  check,
  compute,
  declarations,
  input,
  judge,
  route,
  told,
} from '../../support/fixtures/checks.ts';
import { foreach, gate, reduce, task, workflow } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

/** Drafts of bills, those of a status together, which an agent works on. */
const inBatches = (agent: string, more: Partial<ForeachNode> = {}): Node =>
  foreach('each', {
    items: bills,
    key: { cel: 'item.id' },
    batch: { by: { cel: 'item.status' }, most: 5 },
    body: [
      task('each', {
        agent,
        input: { bills: { cel: 'items.map(one, {"id": one.id, "total": one.total})' } },
      }),
    ],
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

  it('passes where an agent works on batches, and what follows sees each result by itself', () => {
    verifies('R1.batching');
    const nodes = [inBatches('lab.judges'), gate('rich', 'nodes.each.output[0].total.amount > 5')];
    assert.deepEqual(
      check(nodes.map((node) => ({ ...node, ...(node.kind === 'gate' && { after: ['each'] }) }))),
      [],
    );
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
    [
      'an agent that does not hand in a result an item',
      [inBatches('lab.work'), inBatches('lab.sum', { id: 'other' })],
      [
        'other batch type_mismatch',
        'other.each input.items missing_field',
        'other.each input.missing missing_field',
        '? other.each input.bills unknown_field',
      ],
    ],
    [
      'one item where a batch has several, and several where they are put together',
      [
        inBatches('lab.work', {
          batch: { by: { cel: 'items' }, most: 2 },
          body: [task('each', { input: { one: { cel: 'item.id' } } })],
        }),
      ],
      ['each batch.by unknown_name', 'each.each input.one unknown_name'],
    ],
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

  it('is a server that the configuration does not name, at every node that may name one', () => {
    verifies('R5.mcp-routing', 'R1.validate');
    const known = { ...declarations, servers: new Map([['fs_reports', {}]]), workflows: new Map() };
    const found = (server: string) => {
      const inItem = judge('one', { bill: { cel: 'item.id' } }, { server }) as ItemNode;
      const nodes = [
        judge('a', { bill: { cel: 'input.bill' }, limit: { cel: 'input.limit' } }, { server }),
        foreach('each', {
          items: bills,
          key: { cel: 'item.id' },
          body: [inItem],
          outputs: ['one'],
        }),
        { ...reduce('all', ['each', 'a'], { agent: 'lab.sum' }), server },
      ];
      return checkWorkflow({ ...workflow(nodes), input }, known);
    };

    assert.deepEqual(found('fs_reports'), []);
    const faults = found('fs_report');
    assert.deepEqual(
      faults.map(({ node, path, code, severity }) => `${severity} ${node} ${path} ${code}`),
      ['a', 'each.one', 'all'].map((node) => `error ${node} server unknown_name`),
    );
    assert.match(faults[0]?.message ?? '', /'fs_report'.*'fs_reports'/);
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
