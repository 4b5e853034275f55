import type pg from 'pg';

/** How long deliveries and messages are kept that are over, and those that wait for an endpoint that was disabled. */
const keptDays = 30;

/** Deletes what is old, with what is left of endpoints that were removed; a few thousand at a time. */
export async function purge(pool: pg.Pool, now: Date): Promise<void> {
  const before = new Date(now.getTime() - keptDays * 86_400_000);
  for (let isMore = true; isMore; ) {
    const { rows } = await pool.query<{ readonly deleted: number }>(purgeSql, [before]);
    isMore = (rows[0]?.deleted ?? 0) === rowsATime;
  }
  await pool.query('DELETE FROM tutti.webhook_secret WHERE expires_at < $1', [now]);
  await pool.query('DELETE FROM tutti.message WHERE ended_at < $1', [before]);
}

const rowsATime = 2_000;

const purgeSql = `WITH old AS MATERIALIZED (SELECT d.tenant_id, d.id FROM tutti.delivery d
    WHERE d.created_at < $1 AND coalesce(d.ended_at < $1, true) AND (d.claimed_until IS NULL OR d.claimed_until < $1)
      OR NOT EXISTS (SELECT FROM tutti.webhook w WHERE w.tenant_id = d.tenant_id AND w.id = d.endpoint_id) LIMIT ${rowsATime}),
  attempts AS (DELETE FROM tutti.delivery_attempt a USING old WHERE a.tenant_id = old.tenant_id AND a.delivery_id = old.id),
  gone AS (DELETE FROM tutti.delivery d USING old WHERE d.tenant_id = old.tenant_id AND d.id = old.id RETURNING 1)
  SELECT count(*)::int AS deleted FROM gone`;
