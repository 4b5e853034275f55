import { availableParallelism } from 'node:os';
import type { ThreadsConfig } from '../../core/ports/config.ts';

/** How many lanes a pool has at least, and at most. */
export interface LaneRange {
  readonly least: number;
  readonly most: number;
}

/** Agents wait for models and not for cores: more threads only hold more memory. */
const usualMost = 4;

/** How many lanes a configuration means. @default at most as many as there are cores and 4, at least half of that */
export function laneRange(threads?: ThreadsConfig): LaneRange {
  const cores = Math.min(usualMost, availableParallelism());
  if (threads === undefined) return { least: Math.ceil(cores / 2), most: cores };
  if (typeof threads === 'number') return { least: threads, most: threads };
  const { least = 1, most = Math.max(least, cores) } = threads;
  return { least, most };
}
