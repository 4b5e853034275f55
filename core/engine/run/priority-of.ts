import type { CompiledTask } from '../graph/compiled.ts';
import { usualPriority } from './request.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/**
 * Where a step stands among ready work: as its node or agent says, moved by as much as its run is above or below the usual. So runs
 * go before each other, and the steps of one keep their order.
 */
export function priorityOf({ priority }: Pick<Run, 'priority'>, { place }: Step): number {
  return (place as CompiledTask).priority + priority - usualPriority;
}
