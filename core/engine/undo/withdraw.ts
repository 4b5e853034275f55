import { EngineError } from '../../base/errors.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { auditTexts, isAudited } from '../audit/append.ts';
import type { Actor } from '../run/request.ts';
import type { UndoRuns, UndoScope } from './applied-effects.ts';

/**
 * Takes the proposals of runs off the table, with the questions about them, so that nobody carries out later what is being undone.
 * Returns how many.
 */
export async function withdrawProposals(
  queryable: Queryable,
  { tenantId, runId, actor }: UndoScope & { readonly actor: Actor },
  { runs, steps }: UndoRuns,
): Promise<number> {
  const texts = auditTexts({ actor, action: 'proposals.withdraw', target: runId });
  const values = [tenantId, runId, runs, steps, isAudited(actor), ...texts];
  const { rows } = await queryable.query<{ readonly count: number }>(withdrawSql, values);
  return rows[0]?.count ?? 0;
}

/** @throws RUN_UNFINISHED while one of the runs goes on, or one that retries them */
export function refuseLive({ live }: UndoRuns, { runId }: UndoScope): void {
  const [first] = live;
  if (first === undefined) return;
  const { id, isRetry } = first;
  const relation = isRetry ? 'goes on from what it has brought' : 'belongs to it';
  const what = id === runId ? 'it' : `run ${id}, which ${relation},`;
  throw new EngineError(
    'RUN_UNFINISHED',
    `Run ${runId} cannot be undone while ${what} has not ended; wait for its end, or cancel it: tutti cancel ${id}`,
  );
}

// $1 tenant, $2 run, $3 all runs that are meant, $4 steps of the run or null, $5 whether the audit log has it, $6 to $9 what it says.
const withdrawSql = `WITH gone AS (UPDATE tutti.effect e SET state = 'refused', ended_at = now()
    WHERE e.tenant_id = $1 AND e.run_id = ANY ($3::uuid[]) AND (e.run_id <> $2 OR $4::int[] IS NULL OR e.step = ANY ($4)) AND e.state = 'proposed'
    RETURNING e.key),
  asked AS (UPDATE tutti.approval a SET state = 'withdrawn', closed_at = now() FROM gone g
    WHERE a.tenant_id = $1 AND a.effect_key = g.key AND a.state IN ('open', 'granted'))
  SELECT count(*)::int AS count, CASE WHEN count(*) > 0 AND $5 THEN tutti.append_audit($1, $6, $7, $8, $9) END FROM gone`;
