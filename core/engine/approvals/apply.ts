import type pg from 'pg';
import { crashPoint } from '../../base/crash-point.ts';
import { digest } from '../../base/ids.ts';
import { isOutage } from '../../ports/db/db-error.ts';
import { isSuspended } from '../../ports/db/suspended.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { Applies } from '../../ports/dispatcher.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { RunFacts } from '../run/facts.ts';
import type { Actor } from '../run/request.ts';
import type { SetAside } from '../set-aside.ts';
import type { Store } from '../store/store.ts';

/** Runs that one tick submits. */
const atOnce = 100;
const prefix = 'apply:';

/** What runs are made with that carry out what was granted. */
export interface ApplyParts {
  readonly pool: pg.Pool;
  readonly store: Pick<Store, 'publishWorkflow' | 'createRun'>;
  readonly registry: Pick<Registry, 'tools'>;
  /** Grants that could not be carried out. */
  readonly aside: SetAside;
}

/**
 * Carries out what people have granted and no step waits for: each grant has one run, of one step, under a key of its own, so that any number
 * of engines may look, and one that dies in between leaves nothing undone. Of a tenant that is suspended it waits.
 */
export class ApplyRuns {
  readonly #parts: ApplyParts;

  constructor(parts: ApplyParts) {
    this.#parts = parts;
  }

  /** Once a second: submits the runs of what has been granted. One that cannot be keeps no other waiting. @throws DB_* */
  async submit(): Promise<void> {
    const { pool, registry, aside } = this.#parts;
    const tools = [...registry.tools.keys()];
    const { rows } = await pool.query<GrantedRow>(grantedSql, [atOnce, tools, aside.waiting]);
    for (const row of rows) {
      try {
        await this.#carryOut(row);
        aside.remove(row.id);
      } catch (error) {
        if (isOutage(error)) throw error;
        aside.add(row.id, error);
      }
    }
  }

  async #carryOut(granted: GrantedRow): Promise<void> {
    const { pool } = this.#parts;
    const { tenant_id: tenantId, id } = granted;
    const { rows } = await pool.query<{ readonly body: string | null }>(bodySql, [tenantId, id]);
    const [row] = await vaultOf(pool).open(rows, 'body');
    // Erased meanwhile: nobody knows any more what to do.
    if (!row?.body) return;
    await this.#start({ ...granted, ...proposedIn(row.body) });
    crashPoint('after-apply');
  }

  async #start(row: GrantedCall): Promise<void> {
    const { store } = this.#parts;
    const data = workflowOf(row);
    const { tenant_id: tenantId, id: approval, key, args } = row;
    const version = await store.publishWorkflow(tenantId, {
      data,
      module: null,
      digest: digest(data),
    });
    await store.createRun(
      {
        tenantId,
        workflow: data.name,
        input: { effect: key, approval, args, agent: row.agent },
        key: `${prefix}${approval}`,
        applies: row.proposed_by,
        ...(row.company !== null && { company: row.company }),
        businessDate: row.business_date,
        timeZone: row.time_zone,
        attended: true,
        actor: { kind: 'person', id: row.by } satisfies Actor,
      },
      version,
      { approval },
    );
  }
}

/** What a run carries out that people have granted; null for any other run. */
export function appliedBy({
  workflow,
  input,
}: Pick<RunFacts, 'workflow' | 'input'>): Applies | null {
  if (!workflow.startsWith(prefix)) return null;
  const { effect, approval } = (input ?? {}) as Readonly<Record<string, unknown>>;
  return { key: String(effect), approval: String(approval) };
}

/** The agent whose effect a run carries out that people have granted; null for any other run. */
export function proposerOf({
  workflow,
  input,
}: Pick<RunFacts, 'workflow' | 'input'>): string | null {
  const { agent } = (input ?? {}) as Readonly<Record<string, unknown>>;
  return workflow.startsWith(prefix) && typeof agent === 'string' ? agent : null;
}

/** The built-in workflow that calls a tool once. Names of declared workflows have no colon. */
function workflowOf({ tool, server }: Pick<GrantedCall, 'tool' | 'server'>): WorkflowData {
  const weight = { priority: null, critical: null };
  const args = { cel: 'input.args' };
  const bounds = { deadline: null, budgetMicroUsd: null, partial: false, concurrency: null };
  return {
    name: `${prefix}${tool}`,
    ...bounds,
    nodes: [
      {
        ...{ kind: 'tool', id: 'apply', after: [], join: 'all_succeeded', tool, args, ...weight },
        ...(server !== null && { server }),
      },
    ],
  };
}

/** What was granted, and with what. */
interface GrantedCall extends GrantedRow {
  readonly args: unknown;
  /** Where its MCP calls go, as its node said when it was proposed. */
  readonly server: string | null;
}

function proposedIn(body: string): Pick<GrantedCall, 'args' | 'server'> {
  const { args, server = null } = JSON.parse(body) as Partial<GrantedCall>;
  return { args: args ?? null, server };
}

interface GrantedRow {
  readonly tenant_id: number;
  readonly id: string;
  readonly key: string;
  readonly tool: string;
  readonly company: string | null;
  readonly business_date: string;
  readonly time_zone: string;
  /** The run that had proposed it. */
  readonly proposed_by: string;
  /** The agent that had. */
  readonly agent: string | null;
  /** Who has said yes last. */
  readonly by: string;
}

// What was proposed is what people were shown: the payload of that entry. Without it, or its run, nobody knows any more what to do. Another
// engine may have a tool that this one has not; what waits for it keeps nobody behind it waiting. The few that are granted are read first, and
// each looks up its own by full keys: of tables that the database has not analysed yet the planner may take for one row what is thousands.
const grantedSql = `
WITH granted AS MATERIALIZED (SELECT tenant_id, id, effect_key, effect_run, effect_seq, closed_at FROM tutti.approval
  WHERE state = 'granted' AND effect_key IS NOT NULL AND NOT waits AND apply_run IS NULL AND expires_at > clock_timestamp() AND id <> ALL ($3::uuid[]))
SELECT a.tenant_id, a.id, a.effect_run AS proposed_by, encode(a.effect_key, 'hex') AS key, e.tool, e.agent, r.company, r.business_date, r.time_zone,
  (SELECT v.actor_id FROM tutti.approval_vote v WHERE v.tenant_id = a.tenant_id AND v.approval_id = a.id AND v.decision = 'granted' ORDER BY v.at DESC LIMIT 1) AS by
FROM granted a
CROSS JOIN LATERAL (SELECT tool, coalesce(actor->>'acting', actor->>'id') AS agent FROM tutti.effect
  WHERE tenant_id = a.tenant_id AND key = a.effect_key AND state = 'proposed' OFFSET 0) e
CROSS JOIN LATERAL (SELECT company, business_date, time_zone FROM tutti.run WHERE tenant_id = a.tenant_id AND id = a.effect_run OFFSET 0) r
CROSS JOIN LATERAL (SELECT FROM tutti.payload
  WHERE tenant_id = a.tenant_id AND run_id = a.effect_run AND seq = a.effect_seq AND part = 0 AND body IS NOT NULL OFFSET 0) p
WHERE e.tool = ANY ($2) AND NOT ${isSuspended('a.tenant_id')}
ORDER BY a.closed_at LIMIT $1`;

// $1 tenant, $2 approval. Read one by one: a body that cannot be read is nobody else's.
const bodySql = `SELECT ${bodyText('p')} AS body FROM tutti.approval a
JOIN tutti.payload p ON p.tenant_id = a.tenant_id AND p.run_id = a.effect_run AND p.seq = a.effect_seq AND p.part = 0 AND p.body IS NOT NULL
WHERE a.tenant_id = $1 AND a.id = $2`;
