import assert from 'node:assert/strict';
import { compile } from '../../../core/engine/graph/compile.ts';
import { defineWorkflow } from '../../../core/index.ts';
import type { ApprovalOptions } from '../../../core/sdk/graph.ts';

type Escalation = NonNullable<ApprovalOptions['escalate']>;

/** What an approval that expires after two hours compiles to. */
function compiled(escalate?: Escalation) {
  const workflow = defineWorkflow({
    name: 'lab',
    graph: ({ approval }) => {
      approval({
        ...{ id: 'may', title: 'May it?', by: ['cfo'], expires: 'PT2H' },
        ...(escalate && { escalate }),
      });
    },
  });
  const [node] = compile(
    workflow.record(() => ''),
    new Map(),
  ).nodes;
  return node as typeof node & { readonly kind: 'approval' };
}

describe('the escalation of an approval', () => {
  it('is to nobody unless a node says so', () => {
    assert.equal(compiled().escalate, null);
    const escalate = compiled({ after: 'PT30M', to: ['head'] }).escalate;
    assert.deepEqual(escalate, { afterMs: 1_800_000, to: ['head'] });
  });

  it('is refused to nobody, and after the end', () => {
    assert.throws(() => compiled({ after: 'PT30M', to: [] }), {
      code: 'WORKFLOW_INVALID',
      message: /may.*escalates to nobody/,
    });
    assert.throws(() => compiled({ after: 'PT2H', to: ['head'] }), {
      code: 'WORKFLOW_INVALID',
      message: /escalates after PT2H, when it has expired \(PT2H\)/,
    });
    assert.throws(() => compiled({ after: 'soon', to: ['head'] }), { code: 'INPUT_INVALID' });
  });
});
