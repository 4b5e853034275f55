import { type RawBuilder, sql } from 'kysely';

/** How a tool was used. */
export interface ToolUse {
  readonly calls: number;
  /** Calls that ended in an error, refusals of reads included. */
  readonly failures: number;
  /** Effects that a rule refused. */
  readonly refusals: number;
  /** Effects that came about, or had before. */
  readonly effects: number;
  /** Effects that were left to people. */
  readonly proposals: number;
  /** From call to outcome, milliseconds, waiting for its limits included; null where no call tells. */
  readonly medianMs: number | null;
  /** Nineteen of twenty calls took no longer. */
  readonly p95Ms: number | null;
  readonly lastAt: Date;
}

/** The use of one tool, in all and by one more thing. */
export interface ToolUseRow extends ToolUse {
  readonly tool: string;
  /** Of all together null; of one agent its name; of one day `YYYY-MM-DD` in UTC. */
  readonly agent: string | null;
  readonly day: string | null;
}

/**
 * Counts the calls since a moment, of all tools or one: in all, by agent and by day. Runs that had ended by then are left out first, and
 * rehearsals do not count.
 */
export function toolUseSince(
  tenantId: number,
  since: Date,
  tool: string | null,
): RawBuilder<ToolUseRow> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql<ToolUseRow>`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND (ended_at IS NULL OR ended_at >= ${since})
      AND NOT coalesce((pins->>'rehearsal')::boolean, false)),
    calls AS (
      SELECT e.data->>'tool' AS tool, coalesce(s.agent, s.kind) AS agent, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        e.data->>'outcome' AS outcome, (e.data->>'ms')::int AS ms, e.at
      FROM runs JOIN tutti.entry e ON ${own('e')} AND e.run_id = runs.id
      LEFT JOIN tutti.step s ON ${own('s')} AND s.run_id = e.run_id AND s.id = e.step
      WHERE e.kind = 'tool.called' AND e.at >= ${since} AND (${tool}::text IS NULL OR e.data->>'tool' = ${tool}))
    SELECT tool, agent, day, count(*)::int AS calls, count(*) FILTER (WHERE outcome = 'error')::int AS failures,
      count(*) FILTER (WHERE outcome = 'refused')::int AS refusals,
      count(*) FILTER (WHERE outcome IN ('applied', 'replayed'))::int AS effects,
      count(*) FILTER (WHERE outcome = 'proposed')::int AS proposals,
      percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS median_ms, percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms,
      max(at) AS last_at
    FROM calls GROUP BY GROUPING SETS ((tool), (tool, agent), (tool, day)) ORDER BY tool, calls DESC`;
}
