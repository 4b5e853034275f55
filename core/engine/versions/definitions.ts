import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { toStorableJson } from '../../base/text.ts';
import type { PublicationKind } from '../../ports/db/states.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { RegisteredWorkflow } from '../../sdk/registry.ts';
import type { Actor } from '../run/request.ts';

/** A version of a workflow as it is stored; it never changes. */
export interface StoredVersion {
  readonly name: string;
  readonly version: number;
  readonly digest: Buffer;
  /** The module that brought it; null: the configuration, or somebody by hand. */
  readonly module: string | null;
  readonly data: WorkflowData;
}

/** A version in a list. */
export interface VersionView {
  readonly name: string;
  readonly version: number;
  /** Hex; equal data has equal digests. */
  readonly digest: string;
  readonly publishedAt: Date;
  /** `module`: the loaded code brought it when a run first needed it. */
  readonly publishedBy: string;
  /** Runs that keep it, those that have ended included. */
  readonly runs: number;
  /** Whether somebody has put it in force: then plain runs take it, whatever the loaded code says. */
  readonly inForce: boolean;
}

/** A version that somebody has put in force. */
export type InForce = Pick<StoredVersion, 'name' | 'version' | 'digest'>;

/** One word of somebody about which version counts. */
export interface Publication {
  readonly how: PublicationKind;
  /** Null: the loaded code decides again. */
  readonly version: number | null;
  readonly actor: Actor;
  readonly at: Date;
}

/** Whether a workflow is one of the engine's own (`apply:…`), which nobody asks for, publishes or lists. */
export function isBuiltIn(name: string): boolean {
  return name.includes(':');
}

/** The statements about versions of workflows and which of them are in force. On a pool of `tutti_engine`. */
export class Definitions {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Stores a version: the same data again is the same version. Returns its number. */
  async store(
    tenantId: number,
    workflow: Pick<RegisteredWorkflow, 'data' | 'module' | 'digest'>,
    by = 'module',
  ): Promise<{ readonly version: number; readonly isNew: boolean }> {
    const { data, module, digest } = workflow;
    // Nearly always it is there already; its body, which may be large, is sent only when it is not.
    const known = await this.#pool.query<{ version: number }>(
      `SELECT version FROM tutti.definition WHERE tenant_id = $1 AND kind = 'workflow' AND name = $2 AND digest = $3`,
      [tenantId, data.name, digest],
    );
    if (known.rows[0]) return { version: known.rows[0].version, isNew: false };
    const added = await this.#pool.query<{ version: number }>(
      `INSERT INTO tutti.definition (tenant_id, kind, name, version, digest, body, module, published_by)
       SELECT $1, 'workflow', $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6 FROM tutti.definition
       WHERE tenant_id = $1 AND kind = 'workflow' AND name = $2 ON CONFLICT DO NOTHING RETURNING version`,
      [tenantId, data.name, digest, toStorableJson(data), module, by],
    );
    // Another engine may have published it, or another version, in between.
    const [row] = added.rows;
    return row ? { version: row.version, isNew: true } : this.store(tenantId, workflow, by);
  }

  /** @throws WORKFLOW_UNKNOWN when there is no such version */
  async version(tenantId: number, name: string, version: number): Promise<StoredVersion> {
    const { rows } = await this.#pool.query<Omit<StoredVersion, 'data'> & { body: WorkflowData }>(
      `SELECT name, version, digest, module, body FROM tutti.definition WHERE tenant_id = $1 AND kind = 'workflow' AND name = $2 AND version = $3`,
      [tenantId, name, version],
    );
    const [row] = rows;
    if (!row)
      throw new EngineError(
        'WORKFLOW_UNKNOWN',
        `Workflow '${name.slice(0, 64)}' has no version ${version}; see: tutti workflow versions ${name.slice(0, 64)}`,
      );
    const { body, ...rest } = row;
    return { ...rest, data: body };
  }

  /** Which versions are in force by somebody's word; none of those that the loaded code decides. */
  async inForce(tenantId: number): Promise<readonly InForce[]> {
    const { rows } = await this.#pool.query<InForce>(
      `SELECT f.name, f.version, d.digest FROM (SELECT DISTINCT ON (name) name, version FROM tutti.publication WHERE tenant_id = $1 AND kind = 'workflow' ORDER BY name, no DESC) f
       JOIN tutti.definition d ON d.tenant_id = $1 AND d.kind = 'workflow' AND d.name = f.name AND d.version = f.version ORDER BY f.name`,
      [tenantId],
    );
    return rows;
  }

  /** What has been said about a workflow's versions, the newest first; at most 200. */
  async publications(tenantId: number, name: string): Promise<readonly Publication[]> {
    const { rows } = await this.#pool.query<Publication>(
      `SELECT how, version, actor, at FROM tutti.publication WHERE tenant_id = $1 AND kind = 'workflow' AND name = $2 ORDER BY no DESC LIMIT 200`,
      [tenantId, name],
    );
    return rows;
  }

  /** Puts a version in force, or with null the loaded code. Two who do so at once come one after the other. */
  async say(
    tenantId: number,
    name: string,
    { how, version, actor }: Omit<Publication, 'at'>,
  ): Promise<void> {
    const { rowCount } = await this.#pool.query(
      `INSERT INTO tutti.publication (tenant_id, kind, name, no, how, version, actor)
       SELECT $1, 'workflow', $2, coalesce(max(no), 0) + 1, $3, $4, $5 FROM tutti.publication
       WHERE tenant_id = $1 AND kind = 'workflow' AND name = $2 ON CONFLICT DO NOTHING`,
      [tenantId, name, how, version, toStorableJson(actor)],
    );
    if (rowCount === 0) await this.say(tenantId, name, { how, version, actor });
  }

  /** The stored versions of one workflow, or of all that are not the engine's own, by name and the newest first. */
  async list(tenantId: number, name?: string): Promise<readonly VersionView[]> {
    const { rows } = await this.#pool.query<VersionView>(listSql, [tenantId, name ?? null]);
    return rows;
  }
}

// $1 tenant, $2 name or null for all.
const listSql = `WITH force AS (SELECT DISTINCT ON (name) name, version FROM tutti.publication WHERE tenant_id = $1 AND kind = 'workflow' ORDER BY name, no DESC),
       used AS (SELECT workflow, workflow_version, count(*)::int AS runs FROM tutti.run WHERE tenant_id = $1 AND ($2::text IS NULL OR workflow = $2) GROUP BY 1, 2)
       SELECT d.name, d.version, encode(d.digest, 'hex') AS digest, d.published_at AS "publishedAt", d.published_by AS "publishedBy",
         coalesce(u.runs, 0) AS runs, coalesce(f.version = d.version, false) AS "inForce"
       FROM tutti.definition d LEFT JOIN force f ON f.name = d.name LEFT JOIN used u ON u.workflow = d.name AND u.workflow_version = d.version
       WHERE d.tenant_id = $1 AND d.kind = 'workflow' AND CASE WHEN $2::text IS NULL THEN d.name NOT LIKE '%:%' ELSE d.name = $2 END ORDER BY d.name, d.version DESC`;
