import { type RawBuilder, sql } from 'kysely';
import type { ErrorCategory } from '../../base/error-catalogue.ts';
import { type ErrorCode, errorCodes, errorRow } from '../../base/errors.ts';
import { inSight, type Sight } from '../history/sight.ts';

/** How often something failed. */
export interface FailureCount {
  /** A code, category, severity, agent (`module.agent`), day (`YYYY-MM-DD`, UTC) or tool. */
  readonly name: string;
  /** Tries that ended in it, those that a later try made good included; of a tool: its calls. */
  readonly attempts: number;
  /** Steps that failed of it for good; always 0 for a tool, whose caller decides what its failure means. */
  readonly steps: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

/** The same, of a code, with what the catalogue says about it. */
export interface CodeCount extends FailureCount {
  /** `UNKNOWN`: a code of another release. */
  readonly category: ErrorCategory | 'UNKNOWN';
  readonly severity: string;
}

/** The failures of the last days; every list has the most frequent first, but days, which come in order. */
export interface FailureStatistics {
  readonly days: number;
  readonly since: Date;
  readonly attempts: number;
  readonly steps: number;
  readonly byCode: readonly CodeCount[];
  readonly byCategory: readonly FailureCount[];
  readonly bySeverity: readonly FailureCount[];
  /** Of steps that are no agent's, such as a foreach, the name is their kind. */
  readonly byAgent: readonly FailureCount[];
  readonly byDay: readonly FailureCount[];
  readonly byTool: readonly FailureCount[];
}

/** Failures of one code, agent or tool, and day. */
export interface FailureRow {
  readonly of: 'agent' | 'tool';
  readonly code: string;
  readonly name: string;
  readonly day: string;
  readonly attempts: number;
  readonly steps: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

/**
 * Reads what failed since a moment. Runs that had ended by then are left out first: of all tables theirs is the small one, and
 * attempts, steps and entries are found by run. A cancelled attempt is no failure; a lost one is, of its thread. Rehearsals do not count.
 */
export function failuresSince(tenantId: number, since: Date, sight?: Sight): RawBuilder<unknown> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND (ended_at IS NULL OR ended_at >= ${since})
      AND NOT coalesce((pins->>'rehearsal')::boolean, false) ${inSight(sight)}),
    failures AS (
      SELECT 'agent' AS of, a.error->>'code' AS code, coalesce(s.agent, s.kind) AS name, a.ended_at AS at, 1 AS attempts, 0 AS steps
      FROM runs JOIN tutti.attempt a ON ${own('a')} AND a.run_id = runs.id
      JOIN tutti.step s ON ${own('s')} AND s.run_id = a.run_id AND s.id = a.step
      WHERE a.error->>'code' IS NOT NULL AND a.outcome <> 'cancelled' AND a.ended_at >= ${since}
      UNION ALL
      SELECT 'agent', s.error->>'code', coalesce(s.agent, s.kind), s.ended_at, 0, 1
      FROM runs JOIN tutti.step s ON ${own('s')} AND s.run_id = runs.id
      WHERE s.status = 'failed' AND s.error->>'code' IS NOT NULL AND s.ended_at >= ${since}
      UNION ALL
      SELECT 'tool', e.data->>'code', e.data->>'tool', e.at, 1, 0
      FROM runs JOIN tutti.entry e ON ${own('e')} AND e.run_id = runs.id
      WHERE e.kind = 'tool.called' AND e.data->>'code' IS NOT NULL AND e.at >= ${since})
    SELECT of, code, name, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(attempts)::int AS attempts,
      sum(steps)::int AS steps, min(at) AS first_seen, max(at) AS last_seen
    FROM failures GROUP BY 1, 2, 3, 4`;
}

/** Adds rows up in every way that people ask for. */
export function toFailureStatistics(
  rows: readonly FailureRow[],
  window: { readonly days: number; readonly since: Date },
): FailureStatistics {
  const ofAgents = rows.filter((row) => row.of === 'agent');
  const total = (count: 'attempts' | 'steps') => ofAgents.reduce((sum, row) => sum + row[count], 0);
  const byCode = countBy(ofAgents, (row) => row.code);
  return {
    ...window,
    attempts: total('attempts'),
    steps: total('steps'),
    byCode: byCode.map((count) => ({ ...count, ...meaningOf(count.name) })),
    byCategory: countBy(ofAgents, (row) => meaningOf(row.code).category),
    bySeverity: countBy(ofAgents, (row) => meaningOf(row.code).severity),
    byAgent: countBy(ofAgents, (row) => row.name),
    byDay: countBy(ofAgents, (row) => row.day).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    byTool: countBy(
      rows.filter((row) => row.of === 'tool'),
      (row) => row.name,
    ),
  };
}

function meaningOf(code: string): Pick<CodeCount, 'category' | 'severity'> {
  if (!errorCodes.includes(code as ErrorCode)) return { category: 'UNKNOWN', severity: 'unknown' };
  const { category, severity } = errorRow(code as ErrorCode);
  return { category, severity };
}

function countBy(
  rows: readonly FailureRow[],
  nameOf: (row: FailureRow) => string,
): readonly FailureCount[] {
  const counts = new Map<string, FailureCount>();
  for (const row of rows) {
    const name = nameOf(row);
    const { attempts, steps, firstSeen, lastSeen } = row;
    const known = counts.get(name) ?? { name, attempts: 0, steps: 0, firstSeen, lastSeen };
    counts.set(name, {
      name,
      attempts: known.attempts + attempts,
      steps: known.steps + steps,
      firstSeen: known.firstSeen < firstSeen ? known.firstSeen : firstSeen,
      lastSeen: known.lastSeen > lastSeen ? known.lastSeen : lastSeen,
    });
  }
  return [...counts.values()].sort(
    (a, b) => b.attempts - a.attempts || b.steps - a.steps || (a.name < b.name ? -1 : 1),
  );
}
