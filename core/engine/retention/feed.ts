import type pg from 'pg';

const rowsATime = 2_000;

/**
 * Deletes rows of the feed whose last entry was written before `limit`, or is gone. The feed has no time of its own, but its order
 * is that of commits: it is read from its oldest end until a row is too young. Returns the number of rows.
 */
export async function trimFeed(client: pg.Client, limit: Date): Promise<number> {
  const tenants = await client.query<{ id: number }>(
    'SELECT DISTINCT tenant_id AS id FROM tutti.feed',
  );
  let trimmed = 0;
  for (const { id } of tenants.rows) {
    for (let more = true; more; ) {
      const { rowCount } = await client.query(trimSql, [id, limit, rowsATime]);
      trimmed += rowCount ?? 0;
      more = rowCount === rowsATime;
    }
  }
  return trimmed;
}

const trimSql = `WITH oldest AS MATERIALIZED (SELECT f.tx, f.run_id, (SELECT e.at FROM tutti.entry e
    WHERE e.tenant_id = f.tenant_id AND e.run_id = f.run_id AND e.seq <= f.to_seq ORDER BY e.seq DESC LIMIT 1) AS at
    FROM tutti.feed f WHERE f.tenant_id = $1 ORDER BY f.tx, f.run_id LIMIT $3)
  DELETE FROM tutti.feed f USING oldest o WHERE f.tenant_id = $1 AND f.tx = o.tx AND f.run_id = o.run_id AND coalesce(o.at < $2, true)`;
