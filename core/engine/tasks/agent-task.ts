import { digest } from '../../base/ids.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { RegisteredAgent, RegisteredWorkflow } from '../../sdk/registry.ts';

/**
 * Name of the workflow of all tasks; no file and no module can declare one with a colon. All have the same, so that a key belongs to one
 * task whichever agent is chosen for it; what a task's agent is, its version says.
 */
export const taskWorkflow = 'tutti:task';

/** The same of all that agents hand to others. */
export const delegationWorkflow = 'tutti:delegation';

/** The node of a task's workflow. */
const node = 'task';

/** The workflow that has one agent do one thing, with `input.input` of its run; it stands in no list of workflows. */
export function agentTask(
  { name, agent }: RegisteredAgent,
  workflow: typeof taskWorkflow | typeof delegationWorkflow = taskWorkflow,
): Pick<RegisteredWorkflow, 'module' | 'data' | 'digest'> {
  const data: WorkflowData = {
    name: workflow,
    description: agent.purpose,
    ...{ deadline: null, budgetMicroUsd: null, partial: false, concurrency: null },
    nodes: [
      {
        ...{ kind: 'task', id: node, after: [], join: 'all_succeeded', agent: name },
        ...{ input: { cel: 'input.input' }, priority: null, critical: null },
      },
    ],
    output: { cel: `nodes.${node}.output` },
  };
  return { module: null, data, digest: digest(data) };
}
