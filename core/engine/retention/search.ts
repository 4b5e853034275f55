import type pg from 'pg';
import { sealedText, vaultOf } from '../../ports/db/vault.ts';

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
    yield* await withSealed(client, { tenantId, ids, word: inJson }, rows);
    after = last.id;
  }
}

const lowest = '00000000-0000-0000-0000-000000000000';

/** The id between characters that belong to no id. In JSON text the letter of an escape (`\n`) may stand before it. */
function wordOf(id: string): string {
  const literal = id.replaceAll(/[^\p{L}\p{N}\s]/gu, '\\$&');
  return `(^|[^[:alnum:]]|\\\\[bfnrt]|\\\\u[0-9a-fA-F]{4})${literal}($|[^[:alnum:]])`;
}

interface Searched {
  readonly tenantId: number;
  readonly ids: readonly string[];
  /** As it stands in JSON. */
  readonly word: string;
}

/** Adds the steps whose sealed bodies name a record: the database cannot read those. */
async function withSealed(
  client: pg.Client,
  { tenantId, ids, word }: Searched,
  found: readonly Mention[],
): Promise<readonly Mention[]> {
  const steps = new Map(found.map((each) => [each.runId, each.steps && new Set(each.steps)]));
  for (const id of ids) {
    for (let after: readonly [number, number] = [0, -1]; steps.get(id) !== null; ) {
      const { rows } = await client.query<SealedRow>(sealedSql, [tenantId, id, ...after]);
      const last = rows.at(-1);
      if (!last) break;
      for (const { step, body } of await vaultOf(client).open(rows, 'body')) {
        if (body === null || !isWordOf(body, word)) continue;
        if (step === null) steps.set(id, null);
        else steps.set(id, steps.get(id)?.add(step) ?? (steps.has(id) ? null : new Set([step])));
      }
      after = [last.seq, last.part];
    }
  }
  const inOrder = [...steps].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([runId, each]) => ({ runId, steps: each && [...each] }));
}

interface SealedRow {
  readonly seq: number;
  readonly part: number;
  /** Null: the entry is the run's own. */
  readonly step: number | null;
  readonly body: string | null;
}

// $1 tenant, $2 run; $3, $4 the last one seen.
const sealedSql = `SELECT p.seq, p.part, ${sealedText('p')} AS body,
    (SELECT n.step FROM tutti.entry n WHERE n.tenant_id = $1 AND n.run_id = $2 AND n.seq = p.seq) AS step FROM tutti.payload p
  WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.key_id IS NOT NULL AND p.body IS NOT NULL AND (p.seq, p.part) > ($3, $4)
  ORDER BY p.seq, p.part LIMIT 500`;

/** As `wordOf` finds it in the database. */
function isWordOf(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = text.slice(Math.max(0, at - 6), at);
    const next = text.slice(at + word.length, at + word.length + 2);
    const begins = /(^|[^\p{L}\p{N}]|\\[bfnrt]|\\u[0-9a-fA-F]{4})$/u.test(before);
    if (begins && !/^[\p{L}\p{N}]/u.test(next)) return true;
  }
  return false;
}

// CASE keeps the order: bodies are decoded only where the bytes are found.
const mentionsSql = `WITH mentions AS (
    SELECT run_id, step FROM tutti.effect WHERE tenant_id = $1 AND run_id = ANY ($2) AND entity = $3 AND target_id = $4
    UNION SELECT run_id, step FROM tutti.finding WHERE tenant_id = $1 AND run_id = ANY ($2) AND records @> $5::jsonb
    UNION SELECT run_id, id FROM tutti.step WHERE tenant_id = $1 AND run_id = ANY ($2) AND item_key = $4
    UNION SELECT run_id, step FROM tutti.entry WHERE tenant_id = $1 AND run_id = ANY ($2) AND kind = 'step.started' AND data->'batch' ? $4
    UNION SELECT n.run_id, n.step FROM tutti.payload p JOIN tutti.entry n ON n.tenant_id = p.tenant_id AND n.run_id = p.run_id AND n.seq = p.seq
      WHERE p.tenant_id = $1 AND p.run_id = ANY ($2) AND n.tenant_id = $1 AND n.run_id = ANY ($2) AND p.body IS NOT NULL
      AND CASE WHEN p.key_id IS NULL AND position($6::bytea IN p.body) > 0 THEN convert_from(p.body, 'UTF8') ~ $7 ELSE false END)
  SELECT run_id AS "runId", CASE WHEN bool_or(step IS NULL) THEN NULL ELSE array_agg(DISTINCT step) END AS steps
  FROM mentions GROUP BY run_id ORDER BY run_id`;
