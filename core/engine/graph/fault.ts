import { EngineError } from '../../base/errors.ts';

/** What is wrong with a node of a workflow. */
export function invalid(path: string, what: string): EngineError {
  return new EngineError('WORKFLOW_INVALID', `Node '${path}' ${what}.`);
}
