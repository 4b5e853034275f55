import { EngineError, toErrorData } from '../../base/errors.ts';
import { toJsonb } from '../journal/rows.ts';
import type { RunStatus } from '../run/states.ts';

/** How a run ends that is in nobody's memory. */
export interface RunEnd {
  readonly status: RunStatus;
  /** The last lines of its journal. */
  readonly entries: readonly {
    readonly kind: string;
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  /** The inbox rows that asked for it. @default none did */
  readonly taken?: readonly number[];
}

const lost = toJsonb(toErrorData(new EngineError('LANE_LOST', 'The engine under it has ended.')));

/**
 * Ends a run in one statement, as a flush would, and with it the steps that have not: those that ran were lost with their engine. $1 the
 * tenant, $2 the run, $3 the engine that owns it, then `endValues`.
 */
export const endRunSql = `WITH ended AS (UPDATE tutti.run SET status = $4, owner = NULL, ended_at = now()
    WHERE tenant_id = $1 AND id = $2 AND owner = $3 AND ended_at IS NULL RETURNING id),
  open AS MATERIALIZED (SELECT id, status, attempt, worker, started_at FROM tutti.step WHERE tenant_id = $1 AND run_id = $2 AND ended_at IS NULL),
  steps AS (UPDATE tutti.step s SET status = 'cancelled', wait = NULL, wake_at = NULL, ended_at = now() FROM ended
    WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.ended_at IS NULL),
  attempts AS (INSERT INTO tutti.attempt (tenant_id, run_id, step, no, worker, started_at, ended_at, outcome, error, turns)
    SELECT $1, $2, o.id, o.attempt, coalesce(o.worker, ''), coalesce(o.started_at, now()), now(), 'lost', $8::jsonb, 0
    FROM ended, open o WHERE o.status = 'running' AND o.attempt > 0),
  last AS (SELECT coalesce(max(seq), 0) AS seq FROM tutti.entry WHERE tenant_id = $1 AND run_id = $2),
  told AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data)
    SELECT $1, id, last.seq + e.no, e.kind, e.data FROM ended, last, unnest($5::text[], $6::jsonb[]) WITH ORDINALITY AS e (kind, data, no)),
  taken AS (DELETE FROM tutti.inbox i USING ended WHERE i.tenant_id = $1 AND i.run_id = $2 AND i.id = ANY ($7::bigint[]))
  INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) SELECT $1, id, last.seq + 1, last.seq + cardinality($5::text[]) FROM ended, last`;

/** What a statement is given of an end. */
export function endValues({ status, entries, taken = [] }: RunEnd): readonly unknown[] {
  const [kinds, data] = [entries.map(({ kind }) => kind), entries.map(({ data }) => toJsonb(data))];
  return [status, kinds, data, taken, lost];
}
