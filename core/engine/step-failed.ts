import { toErrorData } from '../base/errors.ts';
import type { Config, StepFailure } from '../ports/config.ts';

/** Tells the installation's own code of a failed step: what it throws is its own affair. */
export function tellOfFailure(
  { onStepFailed }: Pick<Config, 'onStepFailed'>,
  failure: StepFailure,
): void {
  if (!onStepFailed) return;
  void Promise.resolve()
    .then(() => onStepFailed(failure))
    .catch((error: unknown) => {
      process.emitWarning(`onStepFailed has thrown: ${toErrorData(error).message}`);
    });
}
