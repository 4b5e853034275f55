import type pg from 'pg';

/** Anything that takes a query: a pool, or the connection of a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/**
 * Does what the time has brought, for all questions or for one: those whose moment has passed are expired, those whose step has ended
 * without them are withdrawn, and those that nobody has decided in time go to further deciders, of which the run's owner hears. Any
 * number of processes may do so at once. By the clock, not by the transaction: that may have waited for a lock.
 */
export async function tidy(queryable: Queryable, id: string | null = null): Promise<void> {
  await queryable.query(closeSql, [id]);
  await queryable.query(escalateSql, [id]);
}

// What is asked of an effect outlives the run that proposed it.
const closeSql = `
WITH seen AS (
  SELECT a.tenant_id, a.id, coalesce(a.effect_key IS NULL AND (r.ended_at IS NOT NULL OR s.status IN ('succeeded', 'skipped', 'failed', 'cancelled')), false) AS is_over
  FROM tutti.approval a
  LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
  LEFT JOIN tutti.step s ON s.tenant_id = a.tenant_id AND s.run_id = a.run_id AND s.id = a.step
  WHERE a.state = 'open' AND ($1::uuid IS NULL OR a.id = $1))
UPDATE tutti.approval a SET
  state = CASE WHEN a.expires_at <= clock_timestamp() THEN 'expired' ELSE 'withdrawn' END,
  closed_at = least(a.expires_at, clock_timestamp())
FROM seen WHERE a.tenant_id = seen.tenant_id AND a.id = seen.id AND a.state = 'open' AND (seen.is_over OR a.expires_at <= clock_timestamp())`;

const escalateSql = `
WITH grown AS (
  UPDATE tutti.approval a SET escalated_at = clock_timestamp(),
    deciders = a.deciders || ARRAY(SELECT further FROM unnest(a.escalate_to) further WHERE further <> ALL (a.deciders))
  WHERE a.state = 'open' AND a.escalated_at IS NULL AND a.escalate_at <= clock_timestamp() AND ($1::uuid IS NULL OR a.id = $1)
  RETURNING a.tenant_id, a.run_id, a.step, a.id, a.escalate_to)
INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
SELECT tenant_id, run_id, 'escalated', 'escalated:' || id, jsonb_build_object('step', step, 'approval', id, 'to', escalate_to),
  '{"kind": "schedule", "id": "escalation"}'
FROM grown WHERE run_id IS NOT NULL ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`;
