import type { Run } from './run.ts';

/**
 * When a run must have ended, ms since the epoch; null: whenever it does. The earlier of its workflow's deadline, which counts from the
 * run's start, and of the moment that whoever asked for the run named, such as the end of a night's window.
 */
export function deadlineOf({ facts, graph }: Pick<Run, 'facts' | 'graph'>): number | null {
  const named = facts.deadlineAt ?? Number.POSITIVE_INFINITY;
  const own = facts.createdAt + (graph.deadlineMs ?? Number.POSITIVE_INFINITY);
  const deadline = Math.min(named, own);
  return Number.isFinite(deadline) ? deadline : null;
}
