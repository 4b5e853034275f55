import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../ports/db/database.ts';

/** How an agent stands: what it has to do now, and what has become of what it did. */
export interface Standing {
  /** Its steps that run or could, of all runs. */
  readonly underWay: number;
  /** Its steps of the last 7 days that succeeded. */
  readonly succeeded: number;
  /** Those that succeeded or failed. */
  readonly ended: number;
  /** Its findings of the last 7 days that somebody has accepted or resolved. */
  readonly confirmed: number;
}

const windowMs = 7 * 86_400_000;

/** Reads from the journal how agents stand; one that has done nothing is not in the answer. Rehearsals do not count. */
export async function readStandings(
  database: Pick<Database, 'rowsOf'>,
  tenantId: number,
  { agents, now }: { readonly agents: readonly string[]; readonly now: number },
): Promise<ReadonlyMap<string, Standing>> {
  const since = new Date(now - windowMs);
  const query = standingsSql(tenantId, { agents, since }) as RawBuilder<Row>;
  const rows = await database.rowsOf(tenantId, query);
  return new Map(rows.map(({ agent, ...standing }) => [agent, standing]));
}

interface Row extends Standing {
  readonly agent: string;
}

/** Runs that had ended by then are left out first: steps and findings are found by their run. */
function standingsSql(
  tenantId: number,
  { agents, since }: { readonly agents: readonly string[]; readonly since: Date },
): RawBuilder<unknown> {
  return sql`WITH runs AS (SELECT id FROM tutti.run WHERE tenant_id = ${tenantId} AND (ended_at IS NULL OR ended_at >= ${since})
      AND NOT coalesce((pins->>'rehearsal')::boolean, false)),
    steps AS (SELECT s.agent, count(*) FILTER (WHERE s.status IN ('ready', 'running'))::int AS under_way,
        count(*) FILTER (WHERE s.status = 'succeeded' AND s.ended_at >= ${since})::int AS succeeded,
        count(*) FILTER (WHERE s.status IN ('succeeded', 'failed') AND s.ended_at >= ${since})::int AS ended
      FROM runs JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = runs.id WHERE s.agent = ANY(${agents}) GROUP BY 1),
    found AS (SELECT f.agent, count(DISTINCT f.fingerprint)::int AS confirmed
      FROM runs JOIN tutti.finding f ON f.tenant_id = ${tenantId} AND f.run_id = runs.id
      JOIN tutti.triage t ON t.tenant_id = ${tenantId} AND t.fingerprint = f.fingerprint
      WHERE f.agent = ANY(${agents}) AND t.state IN ('accepted', 'resolved') GROUP BY 1)
    SELECT steps.agent, under_way, succeeded, ended, coalesce(confirmed, 0) AS confirmed FROM steps LEFT JOIN found USING (agent)`;
}
