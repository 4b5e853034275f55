import { digest } from '../../base/ids.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { RegisteredWorkflow } from '../../sdk/registry.ts';

/** Name of the workflow of all undo runs; no file and no module can declare one with a colon. */
export const undoWorkflow = 'tutti:undo';

const data: WorkflowData = {
  name: undoWorkflow,
  description: 'Takes back what a run did, one effect after the other, the last one first.',
  deadline: null,
  budgetMicroUsd: null,
  partial: true,
  concurrency: 1,
  nodes: [
    {
      kind: 'foreach',
      id: 'undo',
      after: [],
      join: 'all_succeeded',
      items: { cel: 'input.items' },
      key: { cel: 'item.id' },
      body: [
        {
          kind: 'task',
          id: 'reverse',
          after: [],
          join: 'all_succeeded',
          priority: null,
          critical: null,
          agent: 'tutti.undo',
          input: { effects: { cel: 'item.effects' } },
        },
      ],
      outputs: ['reverse'],
      concurrency: 1,
      onItemFailure: 'continue',
    },
  ],
};

/** The workflow of undo runs as the store publishes it; it stands in no list of workflows. */
export const undoDefinition: Pick<RegisteredWorkflow, 'module' | 'data' | 'digest'> = {
  module: null,
  data,
  digest: digest(data),
};
