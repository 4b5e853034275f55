import type pg from 'pg';
import type { DocumentName } from '../dispatcher.ts';
import { rethrowTranslated } from './db-error.ts';
import { readInTenant } from './tenant-reads.ts';

/** Who does something, by everything that may tie it to others. */
export interface Doer {
  readonly runId: string;
  /** The run that led to it, where a run has started it; else itself. */
  readonly rootRunId: string;
  /** Null for a run that is not stored. */
  readonly workflow: string | null;
  /** The agent that the workflow names, and the one that stands in for it. */
  readonly agents: readonly string[];
  /** Who asked for the run. */
  readonly askedBy: {
    readonly kind: string;
    readonly id: string;
    readonly onBehalfOf?: readonly string[];
  } | null;
}

/** Something that was done, is being done, or may have been. */
export interface Doing {
  /** The effect's, hex. */
  readonly key: string;
  readonly tool: string;
  readonly duty: string;
  /** What it was done to, or what it brought about. */
  readonly entity: string | null;
  readonly id: string | null;
  readonly by: Doer;
}

/** Which doings bear on a call. */
export interface LineageQuestion {
  /** What the call is about; null for one that brings something about. */
  readonly target: DocumentName | null;
  /** What the target comes from. */
  readonly related: readonly DocumentName[];
  readonly duties: readonly string[];
  /** Keys of the call's own effect. */
  readonly except: readonly string[];
}

/** What was found, and who asked. */
export interface Doings {
  readonly own: Doer;
  readonly doings: readonly Doing[];
}

/** The step that asks. */
export interface AskingStep {
  readonly tenantId: number;
  readonly runId: string;
  readonly stepPath: string;
  /** The agent at work. */
  readonly agent: string;
}

/**
 * What anybody has done with certain duties to a call's documents: to its target or to what that comes from, or to something that in its turn
 * comes from the target, so that it makes no difference which of two came first. `pool` acts as `tutti_tenant`. @throws DB_*
 */
export async function readDoings(
  pool: pg.Pool,
  step: AskingStep,
  { target, related, duties, except }: LineageQuestion,
): Promise<Doings> {
  const { tenantId } = step;
  const documents = [...(target ? [target] : []), ...related];
  const rows = await readInTenant<DoingRow>(pool, tenantId, {
    name: 'lineage',
    text: lineageSql,
    values: [
      ...[tenantId, step.runId, step.stepPath, step.agent],
      documents.map(({ entity }) => entity),
      documents.map(({ id }) => id),
      target?.entity ?? null,
      target?.id ?? null,
      duties,
      except.map((key) => Buffer.from(key, 'hex')),
    ],
  }).catch(rethrowTranslated);
  const own = rows.find(({ key }) => key === null) as DoingRow;
  const doings = rows.flatMap((row) => {
    const { key, tool, duty, entity, id } = row;
    return key === null ? [] : [{ key, tool, duty, entity, id, by: doerOf(row) }];
  });
  return { own: doerOf(own), doings };
}

interface DoingRow {
  /** Null for the row of whoever asks. */
  readonly key: string | null;
  readonly tool: string;
  readonly duty: string;
  readonly entity: string | null;
  readonly id: string | null;
  readonly run_id: string;
  readonly root_run_id: string;
  readonly workflow: string | null;
  readonly agents: readonly (string | null)[];
  readonly asked_by: Doer['askedBy'];
}

function doerOf({ run_id, root_run_id, workflow, agents, asked_by }: DoingRow): Doer {
  return {
    runId: run_id,
    rootRunId: root_run_id,
    workflow,
    agents: [...new Set(agents.filter((agent) => agent !== null))],
    askedBy: asked_by,
  };
}

/**
 * $1 tenant; $2 to $4 run, path and agent of whoever asks; $5, $6 entities and ids of its documents; $7, $8 its target; $9 duties; $10 keys of
 * its own. Text is compared by nothing but `=`: under row-level security an index serves no other operator. `OFFSET 0` has each
 * document, key and run looked up by itself, also where a table has no statistics yet. Whatever may have happened counts as done. A run that retries another one is that run.
 */
export const lineageSql = `
WITH RECURSIVE asked AS (SELECT DISTINCT d.entity, d.id FROM unnest($5::text[], $6::text[]) AS d(entity, id)),
known AS (
  SELECT e.key, NULL::text AS entity, NULL::text AS id FROM asked a, LATERAL
    (SELECT key FROM tutti.effect WHERE tenant_id = $1 AND entity = a.entity AND target_id = a.id OFFSET 0) e
  UNION ALL SELECT d.key, a.entity, a.id FROM asked a, LATERAL
    (SELECT key FROM tutti.effect_document WHERE tenant_id = $1 AND entity = a.entity AND record_id = a.id AND part = 'made' OFFSET 0) d
  UNION ALL SELECT d.key, NULL, NULL FROM tutti.effect_document d
    WHERE d.tenant_id = $1 AND d.entity = $7 AND d.record_id = $8 AND d.part = 'related'),
doing AS MATERIALIZED (
  SELECT DISTINCT ON (e.key) e.key, e.tool, e.duty, coalesce(e.entity, k.entity) AS entity, coalesce(e.target_id, k.id) AS id,
    e.run_id, ARRAY[e.actor->>'id', e.actor->>'acting'] AS agents
  FROM known k, LATERAL (SELECT * FROM tutti.effect WHERE tenant_id = $1 AND key = k.key OFFSET 0) e
  WHERE e.duty = ANY ($9::text[]) AND e.key <> ALL ($10::bytea[])
    AND e.state IN ('approved', 'started', 'applied', 'replayed', 'uncertain', 'needs_review')
  ORDER BY e.key),
every AS (
  SELECT * FROM doing
  UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, $2::uuid, ARRAY[$4::text,
    (SELECT s.agent FROM tutti.step s WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.node = split_part($3, '[', 1)
      AND CASE s.item_key WHEN '' THEN s.node ELSE s.node || '[' || s.item_key || ']' END = $3)]),
climb AS (
  SELECT DISTINCT run_id, run_id AS at, 0 AS steps FROM every
  UNION ALL SELECT c.run_id, r.parent_run_id, c.steps + 1 FROM climb c, LATERAL
    (SELECT parent_run_id FROM tutti.run WHERE tenant_id = $1 AND id = c.at OFFSET 0) r WHERE r.parent_run_id IS NOT NULL)
SELECT encode(d.key, 'hex') AS key, d.tool, d.duty, d.entity, d.id, coalesce(r.first::uuid, d.run_id) AS run_id, d.agents, r.workflow, r.actor AS asked_by,
  (SELECT coalesce((SELECT pins->'retry'->>'root' FROM tutti.run WHERE tenant_id = $1 AND id = c.at)::uuid, c.at) FROM climb c WHERE c.run_id = d.run_id ORDER BY c.steps DESC LIMIT 1) AS root_run_id
FROM every d LEFT JOIN LATERAL (SELECT workflow, actor, pins->'retry'->>'root' AS first FROM tutti.run WHERE tenant_id = $1 AND id = d.run_id OFFSET 0) r ON true
ORDER BY d.run_id, d.key`;
