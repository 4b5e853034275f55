import type pg from 'pg';

/** A record of the ERP, as findings and effects name it. */
export interface RecordRef {
  readonly entity: string;
  readonly id: string;
}

/** Where a run names a record. */
export interface Mention {
  readonly runId: string;
  /** Ids of the steps that do; null when the run's own input does, so that all of it is about the record. */
  readonly steps: readonly number[] | null;
}

const runsATime = 20;

/**
 * Finds every run of a tenant that names a record, oldest first: by effect, finding, key of a foreach, or the id as a word of its
 * own in a body. A body says no entity, so a short id such as `7` finds more than the record.
 */
export async function* findRecord(
  client: pg.Client,
  tenantId: number,
  record: RecordRef,
): AsyncGenerator<Mention> {
  const inJson = JSON.stringify(record.id).slice(1, -1);
  const search = [
    record.entity,
    record.id,
    JSON.stringify([record]),
    Buffer.from(inJson),
    wordOf(inJson),
  ];
  for (let after = lowest; ; ) {
    const { rows: runs } = await client.query<{ id: string }>(
      'SELECT id FROM tutti.run WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3',
      [tenantId, after, runsATime],
    );
    const last = runs.at(-1);
    if (!last) return;
    const ids = runs.map(({ id }) => id);
    const { rows } = await client.query<Mention>(mentionsSql, [tenantId, ids, ...search]);
    yield* rows;
    after = last.id;
  }
}

const lowest = '00000000-0000-0000-0000-000000000000';

/** The id between characters that belong to no id. In JSON text the letter of an escape (`\n`) may stand before it. */
function wordOf(id: string): string {
  const literal = id.replaceAll(/[^\p{L}\p{N}\s]/gu, '\\$&');
  return `(^|[^[:alnum:]]|\\\\[bfnrt]|\\\\u[0-9a-fA-F]{4})${literal}($|[^[:alnum:]])`;
}

// CASE keeps the order: bodies are decoded only where the bytes are found.
const mentionsSql = `WITH mentions AS (
    SELECT run_id, step FROM tutti.effect WHERE tenant_id = $1 AND run_id = ANY ($2) AND entity = $3 AND target_id = $4
    UNION SELECT run_id, step FROM tutti.finding WHERE tenant_id = $1 AND run_id = ANY ($2) AND records @> $5::jsonb
    UNION SELECT run_id, id FROM tutti.step WHERE tenant_id = $1 AND run_id = ANY ($2) AND item_key = $4
    UNION SELECT run_id, step FROM tutti.entry WHERE tenant_id = $1 AND run_id = ANY ($2) AND kind = 'step.started' AND data->'batch' ? $4
    UNION SELECT n.run_id, n.step FROM tutti.payload p JOIN tutti.entry n ON n.tenant_id = p.tenant_id AND n.run_id = p.run_id AND n.seq = p.seq
      WHERE p.tenant_id = $1 AND p.run_id = ANY ($2) AND n.tenant_id = $1 AND n.run_id = ANY ($2) AND p.body IS NOT NULL
      AND CASE WHEN position($6::bytea IN p.body) > 0 THEN convert_from(p.body, 'UTF8') ~ $7 ELSE false END)
  SELECT run_id AS "runId", CASE WHEN bool_or(step IS NULL) THEN NULL ELSE array_agg(DISTINCT step) END AS steps
  FROM mentions GROUP BY run_id ORDER BY run_id`;
