import assert from 'node:assert/strict';
import { checkWorkflow } from '../../../core/engine/graph/check.ts';
import { compile } from '../../../core/engine/graph/compile.ts';
import { readDocument } from '../../../core/sdk/document/document.ts';
import type { Node, WorkflowData } from '../../../core/sdk/node.ts';
import { exampleDocuments, exampleRegistry } from '../../support/documents.ts';
import { verifies } from '../../support/verifies.ts';

describe('the example workflows', () => {
  const registry = exampleRegistry();
  const examples = exampleDocuments();

  for (const { file, text } of examples)
    it(`${file} has no fault`, () => {
      const { data, faults } = readDocument(text, { file });

      assert.deepEqual(faults, []);
      assert.deepEqual(checkWorkflow(data as WorkflowData, registry), []);
      assert.equal(compile(data as WorkflowData, registry.agents).name, data?.name);
    });

  it('are all loaded by their configuration, which is the same workflows', () => {
    const data = examples.map(({ file, text }) => readDocument(text, { file }).data);

    const ofNoModule = [...registry.workflows.values()].filter(({ module }) => module === null);
    assert.equal(ofNoModule.length, examples.length);
    for (const each of data)
      assert.deepEqual(registry.workflows.get(String(each?.name))?.data, each);
  });

  it('have one for each kind of node', () => {
    verifies('R1.document-form');
    const kinds = new Set<Node['kind']>(
      [...registry.workflows.values()].flatMap(({ data }) =>
        data.nodes.flatMap((node) =>
          node.kind === 'foreach' ? [node.kind, ...node.body.map(({ kind }) => kind)] : node.kind,
        ),
      ),
    );

    assert.deepEqual([...kinds].sort(), [
      ...['approval', 'compute', 'foreach', 'gate', 'reduce'],
      ...['switch', 'task', 'tool', 'wait', 'workflow'],
    ]);
  });

  it('have one with eleven agents or more of four modules', () => {
    const { data } = registry.workflows.get('erp_multi_module') ?? {};
    const agents = (data?.nodes ?? []).flatMap((node) =>
      (node.kind === 'foreach' ? node.body : [node]).flatMap((each) =>
        'agent' in each ? each.agent : [],
      ),
    );

    assert.ok(new Set(agents).size >= 11, agents.join(', '));
    assert.equal(new Set(agents.map((name) => name.split('.')[0])).size, 4);
  });
});
