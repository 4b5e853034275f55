import type { Run } from './run.ts';

/** SQL of the same as `deadlineOf`, of rows `r` of table `run`; null: there is none. */
export const deadlineSql = `least((r.pins->>'deadlineAt')::timestamptz,
  r.created_at + (SELECT make_interval(secs => extract(epoch FROM (d.body->>'deadline')::interval)::float8) FROM tutti.definition d
    WHERE d.tenant_id = r.tenant_id AND d.kind = 'workflow' AND d.name = r.workflow AND d.version = r.workflow_version))`;

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
