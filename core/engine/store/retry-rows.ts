import { EngineError } from '../../base/errors.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import type { Graph } from '../graph/compiled.ts';
import { isTerminal } from '../run/states.ts';
import type { FormerRun, FormerStep, Takeover } from './carried.ts';
import { type Copies, type Copy, resealCopies } from './copied-bodies.ts';
import type { RunRow } from './store.ts';

/** A run that somebody wants to retry. */
export interface FormerRow extends RunRow {
  readonly parent_run_id: string | null;
  /** The run that has retried it, and whether that one has ended. */
  readonly retried_by: string | null;
  readonly retry_ended: boolean | null;
  /** A run below it that has not ended. */
  readonly open_child: string | null;
  /** Whether what it has done was taken back, or is about to be. */
  readonly undone: boolean;
  readonly journal: number;
}

/** Of one run and those that it started, in any depth: one that has not ended. */
const openChild = `(WITH RECURSIVE below AS (SELECT c.id, c.ended_at FROM tutti.run c WHERE c.tenant_id = $1 AND c.parent_run_id = r.id
    UNION ALL SELECT c.id, c.ended_at FROM below b JOIN tutti.run c ON c.tenant_id = $1 AND c.parent_run_id = b.id)
  SELECT id FROM below WHERE ended_at IS NULL LIMIT 1)`;

/** Of a run and those that it retries: an effect that was taken back, a run that takes them back, or a workflow that says so. */
const undone = `EXISTS (WITH RECURSIVE chain AS (SELECT r.id, r.retry_of
    UNION ALL SELECT p.id, p.retry_of FROM chain c JOIN tutti.run p ON p.tenant_id = $1 AND p.id = c.retry_of)
  SELECT FROM chain WHERE EXISTS (SELECT FROM tutti.effect f WHERE f.tenant_id = $1 AND f.run_id = chain.id AND f.state = 'undone')
    OR EXISTS (SELECT FROM tutti.run u WHERE u.tenant_id = $1 AND u.workflow = 'tutti:undo' AND starts_with(u.key, 'undo:' || chain.id || ':')))`;

/** Reads a run and lets nobody else retry it meanwhile, nor undo it or what it retries; null: there is none. */
export async function lockFormer(
  client: Queryable,
  tenantId: number,
  runId: string,
): Promise<FormerRow | null> {
  // Apart: a statement that waits for the row has looked at everything else before.
  await client.query(
    `WITH RECURSIVE chain AS (SELECT id, retry_of FROM tutti.run WHERE tenant_id = $1 AND id = $2
       UNION ALL SELECT p.id, p.retry_of FROM chain c JOIN tutti.run p ON p.tenant_id = $1 AND p.id = c.retry_of)
     SELECT FROM tutti.run WHERE tenant_id = $1 AND id IN (SELECT id FROM chain) ORDER BY id FOR UPDATE`,
    [tenantId, runId],
  );
  return await readFormerRow(client, tenantId, runId);
}

/** Reads a run that somebody wants to retry; null: there is none. */
export async function readFormerRow(
  client: Queryable,
  tenantId: number,
  runId: string,
): Promise<FormerRow | null> {
  const { rows } = await client.query<FormerRow>(
    `SELECT r.tenant_id, r.id, r.workflow, r.workflow_version, r.pins, r.journal_v, r.company, r.business_date, r.time_zone, r.status, r.priority,
       r.actor, r.created_at, r.parent_run_id, n.id AS retried_by, n.ended_at IS NOT NULL AS retry_ended, ${openChild} AS open_child, ${undone} AS undone,
       coalesce((SELECT (e.data->>'journal')::int FROM tutti.entry e WHERE e.tenant_id = $1 AND e.run_id = r.id AND e.kind = 'run.created'), 1) AS journal
     FROM tutti.run r LEFT JOIN tutti.run n ON n.tenant_id = $1 AND n.retry_of = r.id
     WHERE r.tenant_id = $1 AND r.id = $2`,
    [tenantId, runId],
  );
  return rows[0] ?? null;
}

/** Refuses what cannot be retried by itself, or not yet. @throws RUN_UNFINISHED · RETRY_REFUSED */
export function checkRetriable(former: FormerRow, graph: Pick<Graph, 'onFailure'>): void {
  const { id, status, open_child: child, retried_by: other, workflow, pins } = former;
  const unfinished = (message: string) => new EngineError('RUN_UNFINISHED', message);
  const refused = (message: string) => new EngineError('RETRY_REFUSED', message);
  if (!isTerminal(status))
    throw unfinished(`Run ${id} is '${status}'; only a run that has ended is retried.`);
  if (child !== null)
    throw unfinished(`Run ${child}, which run ${id} has started, has not ended; wait for its end.`);
  if (other !== null && former.retry_ended !== true)
    throw unfinished(`Run ${other} retries run ${id} already and has not ended; follow that one.`);
  if (other !== null)
    throw refused(`Run ${id} was retried by run ${other}; retry that one, if it has failed, too.`);
  if (workflow.includes(':'))
    throw refused(`'${workflow}' is none of your workflows; ask anew for what run ${id} was for.`);
  const undoes = graph.onFailure === 'undo' && status !== 'succeeded' && status !== 'partial';
  if (former.undone || (undoes && pins.rehearsal !== true))
    throw refused(`What run ${id} has done is taken back; start a new run instead.`);
}

/** What a run that has ended has come to, step by step. */
export async function readFormer(
  client: Queryable,
  { tenant_id: tenantId, id }: Pick<FormerRow, 'tenant_id' | 'id'>,
  graph: Graph,
): Promise<FormerRun> {
  const steps = await client.query<FormerStep>(
    `SELECT s.id, s.status, e.seq,
       s.kind <> 'workflow' OR s.status <> 'succeeded' OR NOT EXISTS (SELECT FROM tutti.run c WHERE c.parent_run_id = $2 AND c.tenant_id = $1 AND c.parent_step = s.id AND c.status = 'partial') AS "isWhole"
     FROM tutti.step s LEFT JOIN tutti.entry e ON e.tenant_id = $1 AND e.run_id = $2 AND e.step = s.id AND s.status IN ('succeeded', 'skipped')
       AND (e.kind IN ('gate.decided', 'switch.decided', 'compute.done') OR e.kind = 'step.' || s.status AND e.kind IN ('step.succeeded', 'step.skipped'))
     WHERE s.tenant_id = $1 AND s.run_id = $2 ORDER BY s.id`,
    [tenantId, id],
  );
  const expansions = await client.query<FormerRun['expansions'][number]>(
    `SELECT seq, step, coalesce(data->'batches', data->'items')::int AS items FROM tutti.entry WHERE tenant_id = $1 AND run_id = $2 AND kind = 'foreach.expanded' ORDER BY seq`,
    [tenantId, id],
  );
  return {
    graph,
    steps: new Map(steps.rows.map((step) => [step.id, step])),
    expansions: expansions.rows,
  };
}

/**
 * Copies what a retry takes over behind its first entry: ends of steps and expansions with their bodies, and findings. What models
 * said and tools were called with stays where it is, and so do costs. Returns whether every body was still there.
 */
export async function copyEntries(
  client: Queryable,
  copies: Copies,
  { entries, steps }: Pick<Takeover, 'entries' | 'steps'>,
): Promise<boolean> {
  const { from, to, keys } = copies;
  const { rows } = await client.query<CopiedRow>(copySql, [
    ...[from.tenantId, from.id, to.id],
    entries.map(({ seq }) => seq),
    entries.map(({ step }) => step),
    [...steps.keys()],
    [...steps.values()],
    entries.map(({ at }) => at),
    entries.map(({ depth }) => depth),
  ]);
  const { lost, is_sealed: isSealed, places } = rows[0] as CopiedRow;
  if (lost > 0 || (!keys && !isSealed)) return lost === 0;
  return await resealCopies(client, copies, places ?? []);
}

interface CopiedRow {
  /** Bodies that are erased. */
  readonly lost: number;
  readonly is_sealed: boolean;
  /** Null: there is none. */
  readonly places: readonly Copy[] | null;
}

// $1 tenant; $2 former run, $3 new run; $4, $5 entries and their new steps; $6, $7 steps that stay done, and their new ids: whose findings come, too; $8, $9 ranks of the entries.
const copySql = `WITH steps AS (SELECT * FROM unnest($6::int[], $7::int[]) AS s (old, step)),
  wanted AS (SELECT * FROM unnest($4::bigint[], $5::int[], $8::bigint[], $9::int[]) AS w (old, step, at, depth)
    UNION ALL SELECT f.seq, s.step, f.seq, 0 FROM steps s JOIN tutti.finding f ON f.tenant_id = $1 AND f.run_id = $2 AND f.step = s.old),
  taken AS MATERIALIZED (SELECT w.old, w.step, 1 + row_number() OVER (ORDER BY w.at, w.depth, w.old) AS seq, e.kind, e.data, e.step AS former,
      coalesce((e.data->>'outputSeq')::bigint, e.seq) AS body_at
    FROM wanted w JOIN tutti.entry e ON e.tenant_id = $1 AND e.run_id = $2 AND e.seq = w.old),
  entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data)
    SELECT $1, $3, t.seq, t.step, t.kind, (t.data - 'outputSeq') || jsonb_build_object('carried', true)
      || CASE WHEN t.kind LIKE 'step.%' THEN jsonb_build_object('trust', s.trust, 'degraded', s.degraded)
        WHEN t.kind IN ('gate.decided', 'switch.decided', 'compute.done') THEN jsonb_build_object('status', s.status) ELSE '{}' END
    FROM taken t JOIN tutti.step s ON s.tenant_id = $1 AND s.run_id = $2 AND s.id = t.former),
  bodies AS MATERIALIZED (SELECT t.*, p.* FROM (SELECT seq, kind, body_at FROM taken) t
    LEFT JOIN LATERAL (SELECT class, encoding, key_id, sha256, size, body FROM tutti.payload WHERE tenant_id = $1 AND run_id = $2 AND seq = t.body_at AND part = 0) p ON true),
  payloads AS (INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, key_id, sha256, size, body)
    SELECT $1, $3, seq, CASE kind WHEN 'step.succeeded' THEN 'output' ELSE class END, encoding, key_id, sha256, size, body FROM bodies WHERE body IS NOT NULL),
  findings AS (INSERT INTO tutti.finding (tenant_id, run_id, fingerprint, step, seq, module, agent, kind, severity, company, records, amount, currency, simulated)
    SELECT $1, $3, f.fingerprint, t.step, t.seq, f.module, f.agent, f.kind, f.severity, f.company, f.records, f.amount, f.currency, f.simulated
    FROM taken t JOIN tutti.finding f ON f.tenant_id = $1 AND f.run_id = $2 AND f.seq = t.old WHERE t.kind = 'finding'),
  feeds AS (INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) SELECT $1, $3, 1, 1 + count(*) FROM taken)
  SELECT count(*) FILTER (WHERE body IS NULL AND kind IN ('step.succeeded', 'foreach.expanded', 'compute.done'))::int AS lost,
    coalesce(bool_or(key_id IS NOT NULL), false) AS is_sealed,
    jsonb_agg(jsonb_build_object('seq', seq, 'of', body_at)) FILTER (WHERE body IS NOT NULL) AS places FROM bodies`;
