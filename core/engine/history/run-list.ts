import { type RawBuilder, sql } from 'kysely';
import type { RunStatus } from '../../ports/db/states.ts';
import { deadlineSql } from '../run/deadline-of.ts';
import { goalSql } from '../run/goal.ts';
import { inSight, type Sight } from './sight.ts';

/** Which runs are listed. */
export interface RunsAsked {
  /** @default 50 */
  readonly limit?: number | undefined;
  /** Id of the last one seen. */
  readonly before?: string | undefined;
  readonly workflow?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly company?: string | undefined;
  /** Made at this moment or later. */
  readonly from?: Date | undefined;
  /** Made before this moment. */
  readonly to?: Date | undefined;
  readonly sight?: Sight | undefined;
}

/** The columns of a `RunHead`, of rows `r`. */
export const headColumns = sql.raw(
  `r.id, r.workflow, r.status, coalesce((r.pins->>'rehearsal')::boolean, false) AS rehearsal, r.company, r.business_date, r.created_at, r.ended_at, r.key, r.retry_of,
  (SELECT n.id FROM tutti.run n WHERE n.tenant_id = r.tenant_id AND n.retry_of = r.id) AS retried_by, ${goalSql} AS goal`,
);

// What has been asked of a run that lives is what it is about to have; one that has ended before it heard of it never had it.
const prioritySql = `coalesce((SELECT (i.data->>'priority')::smallint FROM tutti.inbox i
  WHERE r.ended_at IS NULL AND i.tenant_id = r.tenant_id AND i.run_id = r.id AND i.kind = 'priority' ORDER BY i.id DESC LIMIT 1), r.priority)`;

/** Runs that one is shown to have started. */
const startedShown = 100;

/** The columns of a `RunDetail`, of rows `r`. */
export const detailColumns = sql`${headColumns}, ${sql.raw(prioritySql)} AS priority, ${sql.raw(deadlineSql)} AS deadline_at,
  r.parent_run_id AS started_by, ARRAY(SELECT c.id FROM tutti.run c WHERE c.tenant_id = r.tenant_id AND c.parent_run_id = r.id ORDER BY c.id LIMIT ${startedShown}) AS started`;

/**
 * Runs, newest first: their ids rise with the time at which they were made (UUIDv7), so the primary key gives order, page and span. Those of one
 * workflow are found by the index `run_workflow`.
 */
export function listRuns(tenantId: number, asked: RunsAsked): RawBuilder<unknown> {
  const { limit = 50, before, workflow, status, company, from, to, sight } = asked;
  const where = [
    sql`r.tenant_id = ${tenantId}`,
    ...(before === undefined ? [] : [sql`r.id < ${before}::uuid`]),
    ...(from === undefined ? [] : [sql`r.id >= ${firstIdOf(from)}::uuid`]),
    ...(to === undefined ? [] : [sql`r.id < ${firstIdOf(to)}::uuid`]),
    ...(workflow === undefined ? [] : [sql`r.workflow = ${workflow}`]),
    ...(status === undefined ? [] : [sql`r.status = ${status}`]),
    ...(company === undefined ? [] : [sql`r.company = ${company}`]),
  ];
  return sql`SELECT ${headColumns} FROM tutti.run r WHERE ${sql.join(where, sql` AND `)} ${inSight(sight)} ORDER BY r.id DESC LIMIT ${limit}`;
}

/** The least UUIDv7 of a moment (RFC 9562, section 5.7). */
function firstIdOf(moment: Date): string {
  const hex = Math.min(Math.max(moment.getTime(), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
