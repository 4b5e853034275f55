import type { Written } from '../../guard/written.ts';
import type { EffectState } from '../../ports/db/states.ts';
import type { Queryable } from '../../ports/db/transaction.ts';

/** An effect of a run, as far as taking it back needs. */
export interface AppliedEffect {
  /** Hex. */
  readonly key: string;
  readonly tool: string;
  readonly state: EffectState;
  /** What the call was about, or what it made. */
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly outcome: unknown;
  /** What it has written; null where nobody noted it. */
  readonly written: Written | null;
  /** How often the ERP has refused to take it back. */
  readonly refusals: number;
}

/** What is to be undone: a run, or one of its steps. */
export interface UndoScope {
  readonly tenantId: number;
  readonly runId: string;
  /** Path of the step; a foreach with its items, a workflow node with its run. @default the whole run */
  readonly step?: string | undefined;
}

/** The runs whose effects are meant, with those steps of the first that are; and which of them still live. */
export interface UndoRuns {
  readonly runs: readonly string[];
  /** Null: all. */
  readonly steps: readonly number[] | null;
  /** Those that go on, runs that retry one of them included. */
  readonly live: readonly LiveRun[];
}

/** A run that keeps others from being undone. */
interface LiveRun {
  readonly id: string;
  /** Whether it builds on what one of them has brought. */
  readonly isRetry: boolean;
}

/** Lets nobody retry runs, or a retry of theirs, until the transaction ends: `lockFormer` locks what a run retries, too. */
export async function lockRuns(
  client: Queryable,
  { tenantId }: UndoScope,
  { runs }: UndoRuns,
): Promise<void> {
  await client.query(
    'SELECT FROM tutti.run WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE',
    [tenantId, runs],
  );
}

/** Follows a run, or a step of it, to the runs that it started and to those that carried its proposals out. */
export async function readRuns(
  queryable: Queryable,
  { tenantId, runId }: UndoScope,
  steps: readonly number[] | null,
): Promise<UndoRuns> {
  const { rows } = await queryable.query<LiveRun & { readonly isLive: boolean }>(runsSql, [
    tenantId,
    runId,
    steps,
  ]);
  return {
    runs: rows.filter(({ isRetry }) => !isRetry).map(({ id }) => id),
    steps,
    live: rows.filter(({ isLive }) => isLive),
  };
}

/** The steps at a path, those inside of it included. */
export async function readSteps(
  queryable: Queryable,
  { tenantId, runId }: UndoScope,
  at: { readonly node: string; readonly itemKey: string },
): Promise<readonly number[]> {
  const { rows } = await queryable.query<{ readonly id: number }>(stepsSql, [
    tenantId,
    runId,
    at.node,
    at.itemKey,
  ]);
  return rows.map(({ id }) => id);
}

/** The effects of runs that did something, or may have, in the order in which they were applied. */
export async function readEffects(
  queryable: Queryable,
  scope: UndoScope,
  { runs, steps }: UndoRuns,
): Promise<readonly AppliedEffect[]> {
  const { rows } = await queryable.query<AppliedEffect>(effectsSql, [
    scope.tenantId,
    scope.runId,
    runs,
    steps,
  ]);
  return rows;
}

// $1 tenant, $2 run, $3 node, $4 item key: the step, and for a foreach what stands inside of it.
const stepsSql = `SELECT id FROM tutti.step WHERE tenant_id = $1 AND run_id = $2
  AND ((node = $3 AND item_key = $4) OR ($4 = '' AND starts_with(node, $3 || '/'))) ORDER BY id`;

// $1 tenant, $2 run, $3 steps of it or null for all. A proposal that was granted is carried out by a run of its own.
const runsSql = `WITH RECURSIVE own AS (
    SELECT id FROM tutti.run WHERE tenant_id = $1 AND id = $2
    UNION SELECT c.id FROM own o JOIN tutti.run c ON c.tenant_id = $1 AND c.parent_run_id = o.id
      WHERE o.id <> $2 OR $3::int[] IS NULL OR c.parent_step = ANY ($3)),
  applying AS (SELECT r.id FROM own o JOIN tutti.effect e ON e.tenant_id = $1 AND e.run_id = o.id
      AND (o.id <> $2 OR $3::int[] IS NULL OR e.step = ANY ($3))
    JOIN tutti.approval a ON a.tenant_id = $1 AND a.effect_key = e.key
    JOIN tutti.run r ON r.tenant_id = $1 AND r.workflow = 'apply:' || e.tool AND r.key = 'apply:' || a.id),
  meant AS (SELECT id FROM own UNION SELECT id FROM applying),
  retrying AS (SELECT c.id FROM meant o JOIN tutti.run c ON c.tenant_id = $1 AND c.retry_of = o.id
    UNION SELECT c.id FROM retrying o JOIN tutti.run c ON c.tenant_id = $1 AND c.retry_of = o.id)
  SELECT r.id, r.ended_at IS NULL AS "isLive", each.is_retry AS "isRetry"
  FROM (SELECT id, false AS is_retry FROM meant UNION SELECT id, true FROM retrying) each
  JOIN tutti.run r ON r.tenant_id = $1 AND r.id = each.id WHERE NOT each.is_retry OR r.ended_at IS NULL ORDER BY each.is_retry, r.id`;

// $1 tenant, $2 run, $3 all runs that are meant, $4 steps of the run or null. What a run has carried out stays the effect of the run that
// proposed or began it, and is undone by either name. What several tries noted, the last one knows best that
// has written anything; a retry may have made it.
const effectsSql = `WITH RECURSIVE tried AS (
    SELECT unnest($3::uuid[]) AS id UNION SELECT c.id FROM tried o JOIN tutti.run c ON c.tenant_id = $1 AND c.retry_of = o.id),
  wrote AS (
    SELECT DISTINCT ON (data->>'key') data->>'key' AS key, seq, data FROM tutti.entry
    WHERE tenant_id = $1 AND run_id = ANY (ARRAY(SELECT id FROM tried)) AND kind = 'effect.wrote' ORDER BY data->>'key', data->'records' = '[]', at DESC, seq DESC),
  done AS (
    SELECT decode(data->>'key', 'hex') AS key FROM tutti.entry
    WHERE tenant_id = $1 AND run_id = ANY ($3::uuid[]) AND kind = 'effect.ended' AND data->>'state' = 'applied'
      AND (run_id <> $2 OR $4::int[] IS NULL OR step = ANY ($4)))
  SELECT encode(e.key, 'hex') AS key, e.tool, e.state, coalesce(d.entity, e.entity) AS entity,
    coalesce(d.record_id, e.target_id) AS "targetId", e.outcome, w.data AS written,
    (SELECT count(*)::int FROM tutti.effect u WHERE u.tenant_id = $1 AND u.undo_of = e.key AND u.state = 'rejected') AS refusals
  FROM tutti.effect e
  LEFT JOIN wrote w ON w.key = encode(e.key, 'hex')
  LEFT JOIN LATERAL (SELECT entity, record_id FROM tutti.effect_document d
    WHERE d.tenant_id = $1 AND d.key = e.key AND d.part = 'made' LIMIT 1) d ON true
  WHERE e.tenant_id = $1 AND (e.run_id = ANY ($3::uuid[]) AND (e.run_id <> $2 OR $4::int[] IS NULL OR e.step = ANY ($4))
      OR e.key IN (SELECT key FROM done)
      OR e.key IN (SELECT a.effect_key FROM tutti.run r JOIN tutti.approval a ON a.tenant_id = $1 AND r.key = 'apply:' || a.id
        WHERE r.tenant_id = $1 AND r.id = $2 AND r.workflow = 'apply:' || e.tool))
    AND e.state IN ('applied', 'replayed', 'started', 'uncertain', 'needs_review', 'approved')
  ORDER BY e.ended_at NULLS LAST, e.run_id, coalesce(w.seq, e.seq)`;
