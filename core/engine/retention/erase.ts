import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import { appendAudit } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../store/store.ts';
import { withoutText } from './bodies.ts';
import { isHeld, isInReview, withConnection, withoutNewHolds } from './keeping.ts';
import { findRecord, type RecordRef } from './search.ts';
import { shredKeys } from './shred.ts';

/** Who asks for bodies to be erased, and why. */
export interface ErasureRequest {
  readonly tenantId: number;
  readonly reason: string;
  readonly actor: Actor;
}

/** Why a run's bodies were left alone. */
export type KeptBecause = 'unfinished' | 'held' | 'in review';

/** What an erasure came to. */
export interface Erased {
  /** Bodies that are gone now; 0 when they had been erased before. */
  readonly bodies: number;
  /** Runs that had some. */
  readonly runs: number;
  readonly kept: readonly { readonly runId: string; readonly because: KeptBecause }[];
}

/**
 * Erases every body of a run that has ended; hashes and sizes stay, so that what refers to them can still be checked.
 * @throws RUN_UNKNOWN · RUN_UNFINISHED · RUN_HELD · EFFECT_IN_REVIEW
 */
export async function eraseRun(
  database: Pick<Database, 'connect'>,
  runId: string,
  request: ErasureRequest,
): Promise<Erased> {
  const outcome = await withConnection(database, (client) =>
    erase(client, { runId, steps: null, what: 'run' }, request),
  );
  if (typeof outcome === 'number') {
    return { bodies: outcome, runs: outcome > 0 ? 1 : 0, kept: [] };
  }
  throw refusal(runId, outcome);
}

/**
 * Erases the bodies of every step that names a record, by its effects, its findings, its place in a foreach or its text, with their copies
 * in retries; where a run's own input names it, all of the run's. Runs that must stay are left alone and told. Reads all bodies of the tenant.
 */
export async function eraseRecord(
  database: Pick<Database, 'connect'>,
  record: RecordRef,
  request: ErasureRequest,
): Promise<Erased> {
  return withConnection(database, async (client) => {
    let bodies = 0;
    let runs = 0;
    const kept: { runId: string; because: KeptBecause }[] = [];
    const what = `record ${record.entity}:${record.id}`;
    for await (const { runId, steps } of findRecord(client, request.tenantId, record)) {
      const outcome = await erase(client, { runId, steps, what }, request);
      if (typeof outcome === 'number') {
        bodies += outcome;
        runs += outcome > 0 ? 1 : 0;
      } else if (outcome !== 'unknown') kept.push({ runId, because: outcome });
    }
    return { bodies, runs, kept };
  });
}

interface Target {
  readonly runId: string;
  /** Null: the whole run. */
  readonly steps: readonly number[] | null;
  readonly what: string;
}

/** The runs that retry a run, and those that retry them: they have copies of what it brought. */
const retriesOf = (
  run: string,
): string => `WITH RECURSIVE later AS (SELECT r.* FROM tutti.run r WHERE r.tenant_id = $1 AND r.retry_of = ${run}
    UNION ALL SELECT r.* FROM later l JOIN tutti.run r ON r.tenant_id = $1 AND r.retry_of = l.id) SELECT * FROM later`;

/** One transaction: the bodies, the fields of records that effects bind, and the note of who asked. */
async function erase(
  client: pg.Client,
  { runId, steps, what }: Target,
  { tenantId, reason, actor }: ErasureRequest,
): Promise<number | KeptBecause | 'unknown'> {
  return withoutNewHolds(client, async () => {
    const { rows } = await client.query<{ because: KeptBecause | null }>(
      `SELECT CASE WHEN r.ended_at IS NULL THEN 'unfinished' WHEN ${isHeld} THEN 'held' WHEN ${isInReview} THEN 'in review' END AS because
       FROM tutti.run r WHERE r.tenant_id = $1 AND r.id = $2 FOR NO KEY UPDATE`,
      [tenantId, runId],
    );
    if (!rows[0]) return 'unknown';
    if (rows[0].because !== null) return rows[0].because;
    const kept = await keptByRetry(client, tenantId, runId);
    if (kept !== null) return kept;
    const erased = await client.query<ErasedRow>(eraseSql, [
      tenantId,
      runId,
      steps,
      what,
      reason,
      toJsonb(actor),
    ]);
    const { bodies, touched } = erased.rows[0] as ErasedRow;
    for (const [id, classes] of Object.entries(touched ?? {}))
      await shredKeys(client, { run: { tenantId, id }, classes });
    const data = { what, bodies };
    if (bodies > 0)
      await appendAudit(client, { tenantId, actor, action: 'run.erase', target: runId, data });
    return bodies;
  });
}

/** Why the copies in the retries of a run must stay, and with them what they are copies of. */
async function keptByRetry(
  client: pg.Client,
  tenantId: number,
  runId: string,
): Promise<KeptBecause | null> {
  const { rows } = await client.query<{ because: KeptBecause }>(
    `SELECT * FROM (SELECT CASE WHEN r.ended_at IS NULL THEN 'unfinished' WHEN ${isHeld} THEN 'held' END AS because
       FROM (${retriesOf('$2')}) r) k WHERE because IS NOT NULL LIMIT 1`,
    [tenantId, runId],
  );
  return rows[0]?.because ?? null;
}

interface ErasedRow {
  readonly bodies: number;
  /** By run, the classes of what was sealed and is erased; null: nothing was sealed. */
  readonly touched: Readonly<Record<string, readonly string[]>> | null;
}

/** SQL: whether an entry `n` of a retry is of a step that stands where one of the steps $3 of run $2 does; the retry has numbers of its own. */
const isOfSteps = `EXISTS (SELECT FROM tutti.step s JOIN tutti.step o ON o.tenant_id = $1 AND o.run_id = $2 AND o.id = ANY ($3) AND o.node = s.node AND o.item_key = s.item_key
    WHERE s.tenant_id = $1 AND s.run_id = n.run_id AND s.id = n.step)`;

const eraseSql = `WITH gone AS (UPDATE tutti.payload p SET body = NULL, erased_at = now() FROM tutti.entry n
    WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.body IS NOT NULL AND n.tenant_id = $1 AND n.run_id = $2 AND n.seq = p.seq
      AND ($3::int[] IS NULL OR n.step = ANY ($3)) RETURNING p.run_id, p.class, p.key_id),
  copies AS (UPDATE tutti.payload p SET body = NULL, erased_at = now() FROM tutti.entry n, (${retriesOf('$2')}) x
    WHERE p.tenant_id = $1 AND p.run_id = x.id AND p.body IS NOT NULL AND n.tenant_id = $1 AND n.run_id = x.id AND n.seq = p.seq
      AND CASE WHEN $3::int[] IS NULL THEN n.kind = 'run.created' OR n.data @> '{"carried": true}' ELSE n.data @> '{"carried": true}' AND ${isOfSteps} END
    RETURNING p.run_id, p.class, p.key_id),
  questions AS (UPDATE tutti.approval a SET ${withoutText} FROM (SELECT key_id, id FROM tutti.approval WHERE tenant_id = $1 AND run_id = $2) o
    WHERE a.tenant_id = $1 AND a.id = o.id AND a.effect_key IS NULL AND ($3::int[] IS NULL OR a.step = ANY ($3)) RETURNING a.run_id, 'shown'::text AS class, o.key_id),
  noted_copies AS (INSERT INTO tutti.erasure (tenant_id, run_id, what, reason, actor, payloads)
    SELECT $1, run_id, $4, $5, $6, count(*) FROM copies GROUP BY run_id),
  binds AS (UPDATE tutti.effect SET binds = NULL WHERE tenant_id = $1 AND run_id = $2 AND binds IS NOT NULL
    AND ($3::int[] IS NULL OR step = ANY ($3))),
  noted AS (INSERT INTO tutti.erasure (tenant_id, run_id, what, reason, actor, payloads)
    SELECT $1, $2, $4, $5, $6, count(*) FROM gone HAVING count(*) > 0)
  SELECT (SELECT count(*)::int FROM gone) + (SELECT count(*)::int FROM copies) AS bodies,
    (SELECT jsonb_object_agg(run_id, classes) FROM (SELECT run_id, jsonb_agg(DISTINCT class) AS classes
      FROM (SELECT * FROM gone UNION ALL SELECT * FROM copies UNION ALL SELECT * FROM questions) e WHERE key_id IS NOT NULL GROUP BY run_id) t) AS touched`;

function refusal(runId: string, because: KeptBecause | 'unknown'): EngineError {
  switch (because) {
    case 'unknown':
      return new EngineError('RUN_UNKNOWN', `There is no run '${runId}'; see: tutti runs`);
    case 'unfinished':
      return new EngineError(
        'RUN_UNFINISHED',
        `Run ${runId} has not ended, and needs its bodies to go on; cancel it or wait for its end.`,
      );
    case 'held':
      return new EngineError(
        'RUN_HELD',
        `Run ${runId} is held; see why with: tutti holds, and release it first.`,
      );
    case 'in review':
      return new EngineError(
        'EFFECT_IN_REVIEW',
        `Nobody knows yet how an effect of run ${runId} ended, and its arguments are needed to find out; settle it first.`,
      );
  }
}
