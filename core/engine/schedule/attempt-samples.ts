import { type RawBuilder, sql } from 'kysely';
import type { AttemptSample, WorkMode } from './durations.ts';

/** An attempt that succeeded, as the journal has it. */
export interface SampleRow {
  readonly agent: string;
  readonly mode: WorkMode | null;
  readonly durationMs: number;
  readonly turns:
    | readonly { readonly ms: number | null; readonly input: number; readonly output: number }[]
    | null;
}

/**
 * Reads the attempts that succeeded in the newest runs that have ended, oldest first, so that what is learned last is newest. One
 * that went on from the turns of another is left out: it is a part of an attempt.
 * Entries are found by run, as their primary key begins with it. @default runs 20
 */
export function endedAttempts(tenantId: number, runs = 20): RawBuilder<SampleRow> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql<SampleRow>`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ${runs}),
    told AS (SELECT e.run_id, e.step, e.attempt,
        max(e.data->>'mode') FILTER (WHERE e.kind = 'step.started') AS mode,
        max(e.data->>'agent') FILTER (WHERE e.kind = 'step.started') AS agent,
        bool_or(e.data ? 'recorded') AS goes_on,
        jsonb_agg(jsonb_build_object('ms', e.data->'durationMs', 'input', e.data->'tokens'->'input', 'output', e.data->'tokens'->'output') ORDER BY e.seq)
          FILTER (WHERE e.kind = 'turn.ended' AND jsonb_typeof(e.data->'tokens') = 'object') AS turns
      FROM runs JOIN tutti.entry e ON ${own('e')} AND e.run_id = runs.id
      WHERE e.kind IN ('step.started', 'turn.ended') GROUP BY 1, 2, 3)
    SELECT coalesce(told.agent, s.agent) AS agent, told.mode, told.turns,
      (extract(epoch FROM a.ended_at - a.started_at) * 1000)::float8 AS duration_ms
    FROM told
    JOIN tutti.attempt a ON ${own('a')} AND a.run_id = told.run_id AND a.step = told.step AND a.no = told.attempt
    JOIN tutti.step s ON ${own('s')} AND s.run_id = told.run_id AND s.id = told.step
    WHERE a.outcome = 'succeeded' AND coalesce(told.agent, s.agent) IS NOT NULL AND told.mode IS NOT NULL AND NOT told.goes_on
    ORDER BY a.ended_at`;
}

/**
 * What a row teaches. The journal does not tell working from waiting between turns, so that time is left open, and an attempt
 * with a model says nothing of its time without one.
 */
export function toSample({ agent, mode, durationMs, turns }: SampleRow): AttemptSample | null {
  if (mode === null || (mode !== 'playbook' && !turns)) return null;
  const known = (turns ?? []).map(({ ms, input, output }) => ({
    ms: ms ?? 0,
    thenMs: null,
    input,
    output,
  }));
  return { agent, mode, turns: known, ownMs: known.length === 0 ? durationMs : 0 };
}
