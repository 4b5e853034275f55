import { type RawBuilder, sql } from 'kysely';
import { inSight, type Sight } from './sight.ts';

/** Which entries are looked for; each must fit all that is said. */
export interface EntriesAsked {
  /** Those written since then, of runs that had not ended before. */
  readonly since: Date;
  readonly limit: number;
  /** The last one seen. */
  readonly after?: { readonly runId: string; readonly seq: number } | undefined;
  readonly runId?: string | undefined;
  /** `module.agent` of their step. */
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  /** Of the error that they tell of. */
  readonly code?: string | undefined;
  readonly kind?: string | undefined;
  readonly sight?: Sight | undefined;
}

/**
 * Entries over all runs, those of the newest run first and of each the newest first. No index of entries but their primary key is needed,
 * which each write would pay for: runs are walked from the newest on, each by its part of the key, until there are enough.
 */
export function searchEntries(tenantId: number, asked: EntriesAsked): RawBuilder<unknown> {
  const { since, limit, after, runId, agent, tool, code, kind, sight } = asked;
  const runs = [
    sql`r.tenant_id = ${tenantId}`,
    sql`(r.ended_at IS NULL OR r.ended_at >= ${since})`,
    ...(runId === undefined ? [] : [sql`r.id = ${runId}::uuid`]),
    ...(after === undefined ? [] : [sql`r.id <= ${after.runId}::uuid`]),
  ];
  const entries = [
    sql`e.tenant_id = ${tenantId} AND e.run_id = r.id AND e.at >= ${since}`,
    ...(after === undefined
      ? []
      : [sql`(r.id < ${after.runId}::uuid OR e.seq < ${after.seq}::bigint)`]),
    ...(kind === undefined ? [] : [sql`e.kind = ${kind}`]),
    ...(tool === undefined ? [] : [sql`e.data->>'tool' = ${tool}`]),
    ...(code === undefined
      ? []
      : [sql`coalesce(e.data->>'code', e.data->'error'->>'code') = ${code}`]),
    ...(agent === undefined ? [] : [sql`s.agent = ${agent}`]),
  ];
  return sql`SELECT r.id AS run_id, found.* FROM tutti.run r CROSS JOIN LATERAL (
      SELECT e.seq, e.step, s.node, s.item_key, s.agent, e.attempt, e.kind, e.at, e.data FROM tutti.entry e
      LEFT JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = r.id AND s.id = e.step
      WHERE ${sql.join(entries, sql` AND `)} ORDER BY e.seq DESC LIMIT ${limit}) found
    WHERE ${sql.join(runs, sql` AND `)} ${inSight(sight)} ORDER BY r.id DESC, found.seq DESC LIMIT ${limit}`;
}
