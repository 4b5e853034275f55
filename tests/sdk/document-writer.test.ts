// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readDocument } from '../../core/sdk/document/document.ts';
import { writeDocument } from '../../core/sdk/document/document-writer.ts';
import type { ForeachNode, ItemNode, Node, ToolNode, WorkflowData } from '../../core/sdk/node.ts';
import { chances } from '../support/chances.ts';
import { judge, randomDocument } from '../support/document-fuzz.ts';
import { exampleDocuments, exampleRegistry } from '../support/documents.ts';
import { foreach, reduce, task, workflow } from '../support/fixtures/graphs.ts';
import { verifies } from '../support/verifies.ts';

/** A workflow with what each node waits for in an order of its own: that order says nothing. */
function sorted(data: WorkflowData): WorkflowData {
  const inOrder = <N extends Node | ItemNode>(node: N): N => ({
    ...node,
    after: [...node.after].sort(),
  });
  const nodes = data.nodes.map((node): Node => {
    if (node.kind !== 'foreach') return inOrder(node);
    return { ...inOrder(node), body: (node as ForeachNode).body.map(inOrder) };
  });
  return { ...data, nodes };
}

function tool(id: string): ToolNode {
  const place = { id, after: [], join: 'all_succeeded', priority: null, critical: null } as const;
  return { kind: 'tool', ...place, tool: 'lab.bill.read', args: {} };
}

/** What comes of writing a workflow and reading it again. */
function again(data: WorkflowData): WorkflowData {
  const { yaml } = writeDocument(data);
  const { data: back, faults } = readDocument(yaml, { file: 'written' });
  assert.deepEqual(faults, [], yaml);
  return back as WorkflowData;
}

describe('a workflow written as a document', () => {
  const registry = exampleRegistry();

  it('is the same workflow when it is read again, for every example', () => {
    verifies('R1.document-form');
    for (const { file, text } of exampleDocuments()) {
      const data = readDocument(text, { file }).data as WorkflowData;

      assert.deepEqual(sorted(again(data)), sorted(data), file);
      assert.deepEqual(writeDocument(data).losses, []);
    }
  });

  it('is the same workflow for random ones', () => {
    let written = 0;
    const tried = chances(800);
    fc.assert(
      fc.property(randomDocument, (text) => {
        const { data } = judge(text, registry);
        if (!data) return;
        written += 1;
        assert.deepEqual(sorted(again(data)), sorted(data));
      }),
      tried,
    );
    // About one in 45 is; by chance 1,500 of them once had 25, one in 60.
    const least = tried.path === undefined ? tried.numRuns / 200 : 0;
    assert.ok(written > least, `only ${written} were workflows`);
  });

  it('keeps texts that look like expressions, and expressions that look like texts', () => {
    const input = {
      plain: 'costs ${ 5 } or $${ 6 }',
      braces: { cel: '"}" + \'${ x }\'' },
      open: { cel: '"{"' },
      comment: { cel: 'input.a // not } yet' },
    };
    const data = workflow([task('a', { input })]);

    assert.deepEqual(again(data).nodes, data.nodes);
  });

  it('keeps that a node waits for a switch and for one of its cases, where it mentions the switch, too', () => {
    const { id, after, join } = tool('b');
    const cases = [{ id: 'low', when: { cel: 'input.n > 1' } }];
    const choice = { kind: 'switch', ...{ id, after, join, cases }, otherwise: null } as const;
    const both = ['b', 'b.low'];
    const when = { cel: 'nodes.b.output != null' };
    const own = { cel: 'each.b.output != null' };
    const data = workflow([
      choice,
      task('one', { after: both, when }),
      foreach('each', { after: both, body: [task('inner', { when })] }),
      foreach('items', { body: [choice, task('inner', { after: both, when: own })] }),
      reduce('sum', ['one'], { after: ['b', 'b.low', 'one'], when }),
      task('case_alone', { after: ['b.low'], when }),
    ]);

    assert.deepEqual(sorted(again(data)).nodes, sorted(data).nodes);
  });

  it('keeps the server that nodes name, and says nothing of it where they name none', () => {
    verifies('R5.mcp-routing');
    const server = 'fs_reports';
    const inItem = { ...task('one', { server }) };
    const data = workflow([
      task('a', { server }),
      { ...tool('b'), server },
      foreach('c', { body: [task('c', { server })] }),
      foreach('d', { body: [inItem, { ...tool('two'), server }], outputs: ['two'] }),
      { ...reduce('e', ['c']), server },
    ]);

    assert.deepEqual(again(data).nodes, data.nodes);
    const { yaml } = writeDocument(workflow([task('a'), tool('b'), reduce('e', ['a'])]));
    assert.doesNotMatch(yaml, /server/);
    assert.doesNotMatch(JSON.stringify(again(workflow([task('a')]))), /server/);
  });

  it('keeps what its runs are for', () => {
    verifies('R1.run-goal');
    const data = { ...workflow([task('a')]), goal: 'Find: what is "paid" twice.' };

    assert.equal(again(data).goal, data.goal);
  });

  it('keeps how items are put together', () => {
    verifies('R1.batching');
    const batch = { by: { cel: 'item.vendor' }, most: 20 };
    const data = workflow([foreach('all', { batch: { most: 2 } }), foreach('some', { batch })]);

    assert.deepEqual(sorted(again(data)).nodes, data.nodes);
  });

  it('keeps a filter that is an expression, as a whole or by field', () => {
    const filters = [
      { cel: 'input.filter' },
      { status: { cel: 'input.status' } },
      { status: 'draft' },
    ];
    const data = workflow(
      filters.map((filter, at) =>
        foreach(`f${at}`, { items: { entity: 'bill', filter, order: [] } }),
      ),
    );

    assert.deepEqual(sorted(again(data)).nodes, data.nodes);
  });

  it('says what a document cannot say', () => {
    const data = workflow([task('a', { timeoutMs: 1_500, costMicroUsd: 1_250_000 })]);

    const { losses } = writeDocument(data);

    assert.deepEqual(losses, [
      "The timeout of 'a' is 1500 ms; a document says whole seconds, so it has been rounded up.",
    ]);
    const [node] = again(data).nodes;
    const { timeoutMs, costMicroUsd } = node as Extract<Node, { kind: 'task' }>;
    assert.deepEqual([timeoutMs, costMicroUsd], [2_000, 1_250_000]);
  });
});
