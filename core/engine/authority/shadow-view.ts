import type pg from 'pg';
import type { ShadowBody } from '../../guard/shadow.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import { erpFor } from '../../ports/erp/records.ts';
import { nothingOutside } from '../../ports/outside.ts';
import type { Registry } from '../../sdk/registry.ts';
import { callInSight, callSight, type Sight } from '../history/sight.ts';

/**
 * What has become of the target since: `same` where the tool finds its effect done, `changed` where somebody has changed the record,
 * `unchanged` where nobody has, `unknown` where there is nothing to compare.
 */
export type Since = 'same' | 'changed' | 'unchanged' | 'unknown';

/** An effect in the shadow. */
export interface ShadowView {
  readonly runId: string;
  /** Number of its entry in the journal of its run. */
  readonly seq: number;
  readonly step: number;
  readonly at: Date;
  /** Code of its run's company; null for a run over the whole group. */
  readonly company: string | null;
  readonly agent: string | null;
  readonly tool: string;
  readonly entity: string | null;
  readonly targetId: string | null;
  /** Null when they were erased. */
  readonly args: unknown;
  /** What would have become of it. */
  readonly would: 'write' | 'propose' | 'approve';
  readonly since: Since;
}

interface Row extends Omit<ShadowView, 'since' | 'args'> {
  readonly key: string;
  readonly businessDate: string;
  readonly body: string | null;
}

/** What shadows are read with. */
export interface ShadowParts {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly registry: Pick<Registry, 'tools' | 'entities'>;
  readonly connector: (tenantId: number) => Connector;
}

/** Which effects in the shadow a list has. */
export interface ShadowFilter {
  readonly runId?: string;
  /** Only those of these modules and companies. @default all */
  readonly sight?: Sight;
  /** The last one seen. */
  readonly after?: Pick<ShadowView, 'runId' | 'seq'>;
  /** @default 200 */
  readonly limit?: number;
}

/** How long one look-up may take, milliseconds. */
const patienceMs = 10_000;

/** What agents in the shadow would have done, that of the newest run first, and what the ERP says of it now. Nothing is written. */
export async function readShadow(
  parts: ShadowParts,
  tenantId: number,
  { runId, sight, after, limit = 200 }: ShadowFilter = {},
): Promise<readonly ShadowView[]> {
  const { rows } = await parts.pool.query<Row>(
    `SELECT e.run_id AS "runId", e.seq, e.step, e.at, r.company, coalesce(s.agent, '') AS agent, e.data->>'tool' AS tool, e.data->>'key' AS key,
       e.data->>'entity' AS entity, e.data->>'targetId' AS "targetId", e.data->>'would' AS would,
       r.business_date::text AS "businessDate", ${bodyText('p')} AS body
     FROM tutti.entry e JOIN tutti.run r ON r.tenant_id = e.tenant_id AND r.id = e.run_id
     LEFT JOIN tutti.step s ON s.tenant_id = e.tenant_id AND s.run_id = e.run_id AND s.id = e.step
     LEFT JOIN tutti.payload p ON p.tenant_id = e.tenant_id AND p.run_id = e.run_id AND p.seq = e.seq AND p.part = 0
     WHERE e.tenant_id = $1 AND e.kind = 'effect.observed' AND e.data->>'rule' = 'shadow' AND ($2::uuid IS NULL OR e.run_id = $2)
       AND ($4::uuid IS NULL OR (e.run_id, e.seq) < ($4, $5)) AND ${callInSight("e.data->>'tool'", 'r.company', 6)}
     ORDER BY e.run_id DESC, e.seq DESC LIMIT $3`,
    [tenantId, runId ?? null, limit, after?.runId ?? null, after?.seq ?? null, ...callSight(sight)],
  );
  const opened = await vaultOf(parts.pool).open(rows, 'body');
  const views: ShadowView[] = [];
  // One after the other: comparing must not crowd the ERP.
  for (const { key, businessDate, body, ...row } of opened) {
    const kept = body === null ? null : (JSON.parse(body) as ShadowBody);
    const since = await sinceOf(parts, tenantId, { ...row, key, businessDate, kept });
    views.push({ ...row, args: kept?.args ?? null, since });
  }
  return views;
}

async function sinceOf(
  { registry, connector }: ShadowParts,
  tenantId: number,
  {
    tool: name,
    key,
    businessDate,
    kept,
    entity,
    targetId,
  }: Omit<Row, 'body'> & { readonly kept: ShadowBody | null },
): Promise<Since> {
  if (!kept) return 'unknown';
  const erp = connector(tenantId);
  const lookUp = registry.tools.get(name)?.lookUp;
  try {
    if (lookUp) {
      const signal = AbortSignal.timeout(patienceMs);
      const options = { entities: registry.entities, key: () => '', signal, onRead: () => {} };
      const context = {
        ...nothingOutside,
        erp: erpFor(erp, options),
        today: businessDate,
        key,
        signal,
      };
      if ((await lookUp(kept.args, context)) !== null) return 'same';
    }
    if (entity === null || targetId === null || kept.version === null) return 'unknown';
    const { rows } = await erp.query({ entity, filter: { id: { eq: targetId } }, limit: 1 });
    return rows[0]?.version === kept.version ? 'unchanged' : 'changed';
  } catch {
    // Whoever cannot be asked says nothing.
    return 'unknown';
  }
}
