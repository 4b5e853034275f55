import { digest } from '../../base/ids.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { RegisteredWorkflow } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';

/**
 * The built-in workflow that calls a tool once, with `input.args`, and brings what the call brought. It stands in no list: names of
 * declared workflows have no colon.
 */
export function toolTask(tool: AnyTool): Pick<RegisteredWorkflow, 'module' | 'data' | 'digest'> {
  const data: WorkflowData = {
    name: `tool:${tool.name}`,
    description: tool.description,
    ...{ deadline: null, budgetMicroUsd: null, partial: false, concurrency: null },
    nodes: [
      {
        ...{ kind: 'tool', id: 'call', after: [], join: 'all_succeeded', tool: tool.name },
        ...{ args: { cel: 'input.args' }, priority: null, critical: null },
      },
    ],
    output: { cel: 'nodes.call.output' },
  };
  return { module: null, data, digest: digest(data) };
}
