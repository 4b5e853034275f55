import type { Queryable } from '../../ports/db/transaction.ts';
import type { Actor } from '../run/request.ts';
import { tellWaiting } from './tell.ts';

/** Which questions are looked at: `urgent` leaves out open ones that no step waits for, except to end those whose time has come. */
export type Which = { readonly id: string } | 'all' | 'urgent';

/**
 * Does what the time has brought: questions whose moment has passed are expired; those whose step has ended without them, or whose effect has
 * gone another way, are withdrawn; and those that nobody has decided in time go to further deciders, of which the run's owner hears. Any
 * number of processes may do so at once. By the clock, not by the transaction: that may have waited for a lock.
 */
export async function tidy(queryable: Queryable, which: Which): Promise<void> {
  const id = typeof which === 'object' ? which.id : null;
  const { rows } = await queryable.query<ClosedRow>(closeSql, [id, which !== 'urgent']);
  for (const { tenant_id: tenantId, effect_key: key, waits, ...closed } of rows)
    if (key !== null && waits)
      await tellWaiting(queryable, { tenantId, key, ...closed, ...nobody });
  await queryable.query(escalateSql, [id]);
}

const nobody: { readonly by: readonly string[]; readonly note: null; readonly actor: Actor } = {
  by: [],
  note: null,
  actor: { kind: 'schedule', id: 'expiry' },
};

interface ClosedRow {
  readonly tenant_id: number;
  readonly id: string;
  /** Hex. */
  readonly effect_key: string | null;
  readonly waits: boolean;
  readonly state: 'expired' | 'withdrawn';
}

// A step that waits ends its question with it; what is asked of a proposal outlives the run. An effect has gone another way when it is no
// longer proposed, or proposed otherwise, and when the run that was to carry it out has ended without.
const closeSql = `
WITH seen AS (
  SELECT a.tenant_id, a.id, coalesce(a.waits AND (r.ended_at IS NOT NULL OR s.status IN ('succeeded', 'skipped', 'failed', 'cancelled')), false)
    OR (a.effect_key IS NOT NULL AND coalesce(e.state <> 'proposed' OR e.run_id <> a.effect_run OR e.seq <> a.effect_seq, true))
    OR coalesce(a.state = 'granted' AND x.ended_at IS NOT NULL, false) AS is_over
  FROM tutti.approval a
  LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
  LEFT JOIN tutti.step s ON s.tenant_id = a.tenant_id AND s.run_id = a.run_id AND s.id = a.step
  LEFT JOIN tutti.effect e ON e.tenant_id = a.tenant_id AND e.key = a.effect_key
  LEFT JOIN tutti.run x ON x.tenant_id = a.tenant_id AND x.id = a.apply_run
  WHERE (a.state = 'open' OR (a.state = 'granted' AND a.effect_key IS NOT NULL)) AND ($1::uuid IS NULL OR a.id = $1)
    AND ($2 OR a.state = 'granted' OR a.waits OR a.expires_at <= clock_timestamp()))
UPDATE tutti.approval a SET
  state = CASE WHEN a.expires_at <= clock_timestamp() THEN 'expired' ELSE 'withdrawn' END,
  closed_at = least(a.expires_at, clock_timestamp())
FROM seen WHERE a.tenant_id = seen.tenant_id AND a.id = seen.id AND a.state IN ('open', 'granted') AND (seen.is_over OR a.expires_at <= clock_timestamp())
RETURNING a.tenant_id, a.id, encode(a.effect_key, 'hex') AS effect_key, a.waits, a.state`;

const escalateSql = `
WITH grown AS (
  UPDATE tutti.approval a SET escalated_at = clock_timestamp(),
    deciders = a.deciders || ARRAY(SELECT further FROM unnest(a.escalate_to) further WHERE further <> ALL (a.deciders))
  WHERE a.state = 'open' AND a.escalated_at IS NULL AND a.escalate_at <= clock_timestamp() AND ($1::uuid IS NULL OR a.id = $1)
  RETURNING a.tenant_id, a.run_id, a.step, a.id, a.escalate_to, a.waits)
INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
SELECT tenant_id, run_id, 'escalated', 'escalated:' || id, jsonb_build_object('step', step, 'approval', id, 'to', escalate_to),
  '{"kind": "schedule", "id": "escalation"}'
FROM grown WHERE run_id IS NOT NULL AND waits ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`;
