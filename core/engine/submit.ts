import { EngineError } from '../base/errors.ts';
import type { Registry } from '../sdk/registry.ts';
import { compile } from './graph/compile.ts';
import type { RunRequest, Store } from './run/store.ts';

/** Checks a request and stores the run, whether an engine is up or not. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · KEY_REUSED */
export async function submitRun(
  store: Store,
  registry: Registry,
  request: RunRequest,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
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
  compile(registered.data, registry.agents);
  const version = await store.publishWorkflow(request.tenantId, registered);
  return store.createRun({ ...request, input: input.data }, version);
}
