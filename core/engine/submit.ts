import { EngineError } from '../base/errors.ts';
import type { RegisteredWorkflow, Registry } from '../sdk/registry.ts';
import { compile } from './graph/compile.ts';
import type { Graph } from './graph/compiled.ts';
import type { RunRequest, Store } from './run/store.ts';

/** Checks a request and stores the run, whether an engine is up or not. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · KEY_REUSED */
export async function submitRun(
  store: Store,
  registry: Registry,
  request: RunRequest,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { registered, input } = checkRequest(registry, request);
  const version = await store.publishWorkflow(request.tenantId, registered);
  return store.createRun({ ...request, input }, version);
}

/** What is to run, with the input as its workflow takes it. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · WORKFLOW_INVALID · EXPRESSION_INVALID */
export function checkRequest(
  registry: Registry,
  request: Pick<RunRequest, 'workflow' | 'input'>,
): { readonly registered: RegisteredWorkflow; readonly input: unknown; readonly graph: Graph } {
  const registered = registry.workflows.get(request.workflow);
  if (!registered) {
    const known = [...registry.workflows.keys()].join(', ');
    throw new EngineError(
      'WORKFLOW_UNKNOWN',
      `There is no workflow '${request.workflow}'; known are: ${known}.`,
    );
  }
  const input = registered.workflow.input.safeParse(request.input ?? {});
  if (!input.success) {
    const issue = input.error.issues[0];
    throw new EngineError(
      'INPUT_INVALID',
      `Workflow '${request.workflow}' does not take this input: ${issue?.path.join('.') || 'input'}: ${issue?.message}.`,
    );
  }
  // Refused before anything is stored: cycles, unknown agents, expressions that do not parse.
  const graph = compile(registered.data, registry.agents);
  return { registered, input: input.data, graph };
}
