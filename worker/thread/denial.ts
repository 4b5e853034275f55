import { type EngineError, isEngineError } from '../../core/base/errors.ts';

/** Whether a model call is not to be made: it cannot be paid, or would go to a model that is ill. A playbook may take its place. */
export function isDenial(error: unknown): error is EngineError {
  return isEngineError(error) && ['BUDGET_EXCEEDED', 'BREAKER_OPEN'].includes(error.code);
}
