import { availableParallelism } from 'node:os';
import type { ThreadsConfig } from '../core/ports/config.ts';

/** How many lanes a pool has at least, and at most. */
export interface LaneRange {
  readonly least: number;
  readonly most: number;
}

/** Agents wait for models and not for cores: more threads only hold more memory. */
const usualMost = 4;

/** How many lanes a configuration means. @default as many as there are cores, at most 4 */
export function laneRange(threads?: ThreadsConfig): LaneRange {
  const cores = Math.min(usualMost, availableParallelism());
  if (typeof threads === 'object') {
    const { least = 1, most = Math.max(least, cores) } = threads;
    return { least, most };
  }
  return { least: threads ?? cores, most: threads ?? cores };
}
