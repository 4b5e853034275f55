import { asksPerson, type RunStatus } from './states.ts';
import type { Container, Step } from './step.ts';

/** Whether a step has not ended and does not run. */
export function isIdle({ status }: Step): boolean {
  return status === 'pending' || status === 'ready' || status === 'waiting';
}

/** Whether a step runs or may start; `container`: of a foreach that has begun, whose items do that. */
export function isAtWork({ status }: Step, container: Container | undefined): boolean {
  if (status === 'running') return !container || container.items.length === 0;
  return status === 'ready';
}

/** Whether a step will change without a person. */
export function movesByItself(step: Step, container: Container | undefined): boolean {
  return step.status === 'waiting' ? !asksPerson(step.wait) : isAtWork(step, container);
}

/**
 * A run's final status, a pure function of its steps: a critical step that failed fails the run (or leaves it `partial`
 * where the workflow allows that); any other failure, an item's in a foreach that continues included, leaves it `partial`.
 */
export function statusOf(steps: readonly Step[], partial: boolean): RunStatus {
  const failed = steps.filter((step) => step.status === 'failed');
  if (failed.length === 0) return 'succeeded';
  const fatal = failed.some(
    (step) => step.item === null && (!('critical' in step.place) || step.place.critical),
  );
  return fatal && !partial ? 'failed' : 'partial';
}
