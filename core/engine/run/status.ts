import type { CompiledNode } from '../graph/compiled.ts';
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
 * where the workflow allows that); any other failure, an item's in a foreach that continues included, leaves it `partial`. A foreach is
 * as critical as what has failed in its items.
 */
export function statusOf(steps: readonly Step[], partial: boolean): RunStatus {
  const failed = steps.filter((step) => step.status === 'failed');
  if (failed.length === 0) return 'succeeded';
  const fatal = failed.some((step) => step.item === null && isFatal(step, failed));
  return fatal && !partial ? 'failed' : 'partial';
}

function isFatal(step: Step, failed: readonly Step[]): boolean {
  const { place } = step;
  if (place.kind !== 'foreach') return isCritical(place);
  const inItems = failed.filter(({ item }) => item?.container.step === step);
  // Without any it had no items that could be opened.
  return (inItems.length > 0 ? inItems.map((each) => each.place) : place.body).some(isCritical);
}

function isCritical(place: CompiledNode): boolean {
  return !('critical' in place) || place.critical;
}
