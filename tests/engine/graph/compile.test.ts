import assert from 'node:assert/strict';
import { compile } from '../../../core/engine/graph/compile.ts';
import { structureFaults } from '../../../core/engine/graph/structure.ts';
import type { ComputeNode, ItemNode, Node } from '../../../core/sdk/node.ts';
import {
  foreach,
  gate,
  graphOf,
  labAgents,
  reduce,
  task,
  workflow,
} from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

function refused(nodes: readonly Node[], code: string, ...words: readonly string[]): void {
  assert.throws(
    () => compile(workflow(nodes), labAgents),
    (error: { code?: string; message: string }) => {
      assert.equal(error.code, code);
      for (const word of words) assert.ok(error.message.includes(word), error.message);
      return true;
    },
  );
}

describe('compile', () => {
  it('refuses a workflow without nodes', () => {
    verifies('R1.validate');
    refused([], 'WORKFLOW_INVALID', 'lab', 'no nodes');
  });

  it('refuses an id that stands twice, and names it', () => {
    refused([task('one'), task('one')], 'WORKFLOW_INVALID', 'lab.one', 'twice');
  });

  it('refuses an id that is not in lower snake case', () => {
    refused([task('One-1')], 'WORKFLOW_INVALID', 'lab.One-1');
  });

  it('refuses a dependency on a node that does not exist, and names both', () => {
    verifies('R2.missing');
    refused([task('one', { after: ['two'] })], 'WORKFLOW_INVALID', 'lab.one', "'two'");
    refused([reduce('sum', ['gone'])], 'WORKFLOW_INVALID', 'lab.sum', "'gone'");
  });

  it('refuses the same in an item’s graph', () => {
    const body = [task('first'), task('second', { after: ['first', 'nowhere'] })];

    refused([foreach('each', { body })], 'WORKFLOW_INVALID', 'lab.each.second', "'nowhere'");
  });

  it('refuses a compute of an item that gathers what is no node of it, and checking names it', () => {
    const sum: ComputeNode = {
      ...{ kind: 'compute', id: 'sum', after: ['outer'], join: 'all_succeeded', from: ['outer'] },
      value: { cel: 'items.size()' },
    };
    const own: ComputeNode = { ...sum, id: 'own', after: ['first'], from: ['first'] };
    const each = (...body: readonly ItemNode[]) => [
      task('outer'),
      foreach('each', { after: ['outer'], body: [task('first'), ...body] }),
    ];

    refused(each(sum), 'WORKFLOW_INVALID', 'lab.each.sum', "'outer'", 'nodes.outer.output');
    assert.deepEqual(
      structureFaults(workflow(each(sum, own)), labAgents).map(({ node }) => node),
      ['each.sum'],
    );
    compile(workflow(each(own)), labAgents);
  });

  it('refuses a cycle and names the nodes that wait on it', () => {
    verifies('R2.cycle');
    const nodes = [
      task('free'),
      task('a', { after: ['c', 'free'] }),
      task('b', { after: ['a'] }),
      task('c', { after: ['b'] }),
    ];

    refused(nodes, 'WORKFLOW_INVALID', 'cycle', 'a, b, c');
    refused([task('self', { after: ['self'] })], 'WORKFLOW_INVALID', 'lab.self', 'cycle');
    const body = [task('x', { after: ['y'] }), task('y', { after: ['x'] })];
    refused([foreach('each', { body })], 'WORKFLOW_INVALID', 'lab.each.x', 'x, y');
  });

  it('refuses an agent that no loaded module has', () => {
    refused([task('one', { agent: 'lab.nobody' })], 'WORKFLOW_INVALID', 'lab.one', 'lab.nobody');
    refused(
      [foreach('each', { body: [task('in', { agent: 'x.y' })] })],
      'WORKFLOW_INVALID',
      'lab.each.in',
      'x.y',
    );
  });

  it('refuses an expression that does not parse, and names node and field', () => {
    refused([gate('open', '1 +')], 'EXPRESSION_INVALID', 'lab.open.when', '1 +');
    refused(
      [task('one', { input: { sum: [{ cel: '1 +' }] } })],
      'EXPRESSION_INVALID',
      'lab.one.input.sum[0]',
    );
    refused([foreach('each', { key: { cel: '(' } })], 'EXPRESSION_INVALID', 'lab.each.key');
    refused([foreach('each', { items: { cel: '(' } })], 'EXPRESSION_INVALID', 'lab.each.items');
  });

  it('refuses an output that is not in the item’s graph', () => {
    refused([foreach('each', { outputs: ['else'] })], 'WORKFLOW_INVALID', 'lab.each', "'else'");
  });

  it('keeps every dependency, whatever the order of the declarations', () => {
    verifies('R2.topological');
    const graph = graphOf([
      reduce('sum', ['one', 'two']),
      task('two', { after: ['one'] }),
      task('one'),
    ]);

    assert.deepEqual(
      graph.nodes.map(({ deps }) => deps),
      [[2, 1], [2], []],
    );
    assert.deepEqual(
      graph.nodes.map(({ dependents }) => dependents),
      [[], [0], [0, 1]],
    );
  });

  it('takes priority and criticality from the node, else from the agent, else 5 and critical', () => {
    const [plain, placed] = graphOf([
      task('one'),
      task('two', { priority: 9, critical: false }),
    ]).nodes;

    assert.ok(plain?.kind === 'task' && placed?.kind === 'task');
    assert.deepEqual([plain.priority, plain.critical], [5, true]);
    assert.deepEqual([placed.priority, placed.critical], [9, false]);
  });
});
