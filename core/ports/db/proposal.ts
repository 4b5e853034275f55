import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { MadeAgent } from '../../sdk/agent-document.ts';
import { rethrowTranslated } from './db-error.ts';
import { readInTenant } from './tenant-reads.ts';

/** An effect that was asked for, as it is stored, and who asked. */
export interface Proposal {
  /** Hex. */
  readonly key: string;
  readonly tool: string;
  /** Digests, hex. */
  readonly contract: string;
  readonly argsSha256: string;
  /** The values that people are shown; null once they are erased, or for a tool that binds none. */
  readonly binds: Readonly<Record<string, unknown>> | null;
  /** The agent that asked, qualified; the one that stood in, where one did. */
  readonly agent: string;
  /** Those that had handed it the work, qualified. */
  readonly delegators: readonly string[];
  readonly runId: string;
  readonly stepPath: string;
  /** What that agent follows from, in the version that its run keeps, where people have made it. */
  readonly made: MadeAgent | null;
}

/** Reads what is to be carried out. `pool` acts as `tutti_tenant`. @throws EFFECT_UNKNOWN · DB_* */
export async function readProposal(
  pool: pg.Pool,
  tenantId: number,
  key: string,
): Promise<Proposal> {
  const [row] = await readInTenant<ProposalRow>(pool, tenantId, {
    name: 'proposal',
    text: proposalSql,
    values: [tenantId, Buffer.from(key, 'hex')],
  }).catch(rethrowTranslated);
  if (!row) throw new EngineError('EFFECT_UNKNOWN', `There is no effect '${key}'.`);
  const { tool, contract, args_sha256: argsSha256, binds, agent, run_id: runId, path } = row;
  return {
    key,
    tool,
    contract,
    argsSha256,
    binds,
    agent: agent ?? '',
    runId,
    stepPath: path ?? '',
    made: row.made,
    delegators: row.delegators ?? [],
  };
}

interface ProposalRow {
  readonly tool: string;
  readonly contract: string;
  readonly args_sha256: string;
  readonly binds: Proposal['binds'];
  readonly agent: string | null;
  readonly run_id: string;
  readonly path: string | null;
  readonly made: MadeAgent | null;
  readonly delegators: readonly string[] | null;
}

const proposalSql = `
SELECT e.tool, encode(e.contract, 'hex') AS contract, encode(e.args_sha256, 'hex') AS args_sha256, e.binds,
  coalesce(e.actor->>'acting', e.actor->>'id') AS agent, e.run_id,
  CASE s.item_key WHEN '' THEN s.node ELSE s.node || '[' || s.item_key || ']' END AS path,
  (SELECT jsonb_build_object('version', d.version, 'digest', encode(d.digest, 'hex'), 'document', d.body) FROM tutti.run r
    JOIN tutti.definition d ON d.tenant_id = $1 AND d.kind = 'agent' AND 'custom.' || d.name = coalesce(e.actor->>'acting', e.actor->>'id')
      AND d.version = (r.pins->'declared'->'agents'->('custom.' || d.name)->>'version')::int
    WHERE r.tenant_id = $1 AND r.id = e.run_id) AS made,
  (SELECT pins->'delegated'->'agents' FROM tutti.run WHERE tenant_id = $1 AND id = e.run_id) AS delegators
FROM tutti.effect e LEFT JOIN tutti.step s ON s.tenant_id = $1 AND s.run_id = e.run_id AND s.id = e.step
WHERE e.tenant_id = $1 AND e.key = $2`;
