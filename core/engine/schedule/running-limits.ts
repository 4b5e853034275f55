import type { Config } from '../../ports/config.ts';
import type { RunningLimits } from './scheduler.ts';

/** How many steps may run at once, as a configuration says or leaves open. */
export function runningLimits({
  running,
  perRun,
  perModule,
}: NonNullable<Config['limits']> = {}): RunningLimits {
  return { running: running ?? 256, perRun: perRun ?? 256, perModule: perModule ?? 128 };
}
