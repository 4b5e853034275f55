import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { toStorableJson } from '../../base/text.ts';
import type { PublicationKind } from '../../ports/db/states.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { type AgentDocument, ownName } from '../../sdk/agent-document.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { PolicyDocument } from '../../sdk/policy/policy-document.ts';
import { agentUnknown } from '../agents/agent-unknown.ts';
import { auditTexts } from '../audit/append.ts';
import type { Actor } from '../run/request.ts';

/** A version of a workflow, or of an agent or a policy that people write, as it is stored; it never changes. */
export interface StoredVersion<T = WorkflowData> {
  readonly name: string;
  readonly version: number;
  readonly digest: Buffer;
  /** The module that brought it; null: the configuration, or somebody by hand. */
  readonly module: string | null;
  readonly data: T;
}

/** What versions are kept of. */
type Kind = 'workflow' | 'agent' | 'policy';

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
  /** From when it counts; null: from then on. */
  readonly effective: Date | null;
  /** Who asked for it, where it took two; `actor` is the second person then. */
  readonly askedBy: Actor | null;
}

/** Whether a workflow is one of the engine's own (`apply:…`), which nobody asks for, publishes or lists. */
export function isBuiltIn(name: string): boolean {
  return name.includes(':');
}

/** One word about which version counts, as it is said. */
export interface Saying extends Pick<Publication, 'how' | 'version' | 'actor'> {
  /** @default it counts at once */
  readonly effective?: Date | null;
  /** @default one person's word is enough */
  readonly askedBy?: Actor | null;
  /** Only where this version is in force; null: where none is. @default whichever is */
  readonly after?: number | null;
}

/** The statements about versions and which of them are in force. On a pool of `tutti_engine`. */
export class Definitions<T extends { readonly name: string } = WorkflowData> {
  readonly #pool: pg.Pool;
  readonly #kind: Kind;
  #agents: Definitions<AgentDocument> | null = null;
  #policies: Definitions<PolicyDocument> | null = null;

  constructor(pool: pg.Pool, kind: Kind = 'workflow') {
    this.#pool = pool;
    this.#kind = kind;
  }

  /** The same for the agents that people make, by the names in their documents. */
  get agents(): Definitions<AgentDocument> {
    this.#agents ??= new Definitions<AgentDocument>(this.#pool, 'agent');
    return this.#agents;
  }

  /** The same for the policies that people write. */
  get policies(): Definitions<PolicyDocument> {
    this.#policies ??= new Definitions<PolicyDocument>(this.#pool, 'policy');
    return this.#policies;
  }

  /**
   * Stores a version: the same data again is the same version. Returns its number. `by`: whose it is; an actor's new version is written
   * into the audit log.
   */
  async store(
    tenantId: number,
    defined: { readonly data: T; readonly module: string | null; readonly digest: Buffer },
    by: string | Actor = 'module',
  ): Promise<{ readonly version: number; readonly isNew: boolean }> {
    const { data, module, digest } = defined;
    // Nearly always it is there already; its body, which may be large, is sent only when it is not.
    const known = await this.#pool.query<{ version: number }>(
      'SELECT version FROM tutti.definition WHERE tenant_id = $1 AND kind = $4 AND name = $2 AND digest = $3',
      [tenantId, data.name, digest, this.#kind],
    );
    if (known.rows[0]) return { version: known.rows[0].version, isNew: false };
    const [who, isAudited] = typeof by === 'string' ? [by, false] : [by.id.slice(0, 200), true];
    const actor = typeof by === 'string' ? { kind: 'person' as const, id: by } : by;
    const [actorText, action, target] = auditTexts({
      ...{ actor, action: `${this.#kind}.draft`, target: data.name },
    });
    const added = await this.#pool.query<{ version: number }>(
      `WITH added AS (INSERT INTO tutti.definition (tenant_id, kind, name, version, digest, body, module, published_by)
         SELECT $1, $7, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6 FROM tutti.definition
         WHERE tenant_id = $1 AND kind = $7 AND name = $2 ON CONFLICT DO NOTHING RETURNING version)
       SELECT version, CASE WHEN $8 THEN tutti.append_audit($1, $9, $10, $11, format('{"version":%s}', version)) END FROM added`,
      [
        ...[tenantId, data.name, digest, toStorableJson(data), module, who, this.#kind],
        ...[isAudited, actorText, action, target],
      ],
    );
    // Another engine may have published it, or another version, in between.
    const [row] = added.rows;
    return row ? { version: row.version, isNew: true } : this.store(tenantId, defined, by);
  }

  /** @throws WORKFLOW_UNKNOWN or AGENT_UNKNOWN when there is no such version */
  async version(tenantId: number, name: string, version: number): Promise<StoredVersion<T>> {
    const { rows } = await this.#pool.query<Omit<StoredVersion, 'data'> & { body: T }>(
      'SELECT name, version, digest, module, body FROM tutti.definition WHERE tenant_id = $1 AND kind = $4 AND name = $2 AND version = $3',
      [tenantId, name, version, this.#kind],
    );
    const [row] = rows;
    if (!row) throw unknownVersion(this.#kind, name.slice(0, 64), version);
    const { body, ...rest } = row;
    return { ...rest, data: body };
  }

  /** Which versions are in force by somebody's word; none of those that the loaded code decides. */
  async inForce(tenantId: number): Promise<readonly InForce[]> {
    const { rows } = await this.#pool.query<InForce>(
      `SELECT f.name, f.version, d.digest FROM tutti.in_force($1, $2) f
       JOIN tutti.definition d ON d.tenant_id = $1 AND d.kind = $2 AND d.name = f.name AND d.version = f.version ORDER BY f.name`,
      [tenantId, this.#kind],
    );
    return rows;
  }

  /** The same of all kinds, with one question. */
  async allInForce(tenantId: number): Promise<Readonly<Record<Kind, readonly InForce[]>>> {
    const { rows } = await this.#pool.query<InForce & { readonly kind: Kind }>(
      `SELECT d.kind, f.name, f.version, d.digest FROM unnest(ARRAY['workflow', 'agent', 'policy']) k (kind)
         CROSS JOIN LATERAL tutti.in_force($1, k.kind) f
         JOIN tutti.definition d ON d.tenant_id = $1 AND d.kind = k.kind AND d.name = f.name AND d.version = f.version ORDER BY f.name`,
      [tenantId],
    );
    const { workflow = [], agent = [], policy = [] } = Object.groupBy(rows, ({ kind }) => kind);
    return { workflow, agent, policy };
  }

  /** What has been said about the versions of a name, the newest first; at most 200. */
  async publications(tenantId: number, name: string): Promise<readonly Publication[]> {
    const { rows } = await this.#pool.query<Publication>(
      'SELECT how, version, actor, at, effective, asked_by AS "askedBy" FROM tutti.publication WHERE tenant_id = $1 AND kind = $3 AND name = $2 ORDER BY no DESC LIMIT 200',
      [tenantId, name, this.#kind],
    );
    return rows;
  }

  /**
   * Puts a version in force, or with null the loaded code; of what no code has, then nothing is. Two who do so at once come one after the
   * other. Returns whether it is said: with `after` only if that is still in force.
   */
  async say(tenantId: number, name: string, saying: Saying): Promise<boolean> {
    const { after } = saying;
    if (await this.sayOnce(this.#pool, { tenantId, name }, saying)) return true;
    if (after !== undefined && (await this.#current(tenantId, name)) !== after) return false;
    return await this.say(tenantId, name, saying);
  }

  /** One try of it, in the transaction of `client`. False: somebody else was faster, or has said something else. */
  async sayOnce(
    client: Queryable,
    { tenantId, name }: { readonly tenantId: number; readonly name: string },
    { how, version, actor, after, effective = null, askedBy = null }: Saying,
  ): Promise<boolean> {
    const data = {
      version,
      ...(effective && { effective: effective.toISOString() }),
      ...(askedBy && { askedBy: askedBy.id }),
    };
    const { rowCount } = await client.query(
      `WITH said AS (INSERT INTO tutti.publication (tenant_id, kind, name, no, how, version, actor, effective, asked_by)
         SELECT $1, $6, $2, coalesce(max(no), 0) + 1, $3, $4, $5, $13, $14 FROM tutti.publication
         WHERE tenant_id = $1 AND kind = $6 AND name = $2
         HAVING $7::bool OR (array_agg(version ORDER BY no DESC))[1] IS NOT DISTINCT FROM $8::int ON CONFLICT DO NOTHING RETURNING 1)
       SELECT tutti.append_audit($1, $9, $10, $11, $12) FROM said`,
      [
        ...[tenantId, name, how, version, toStorableJson(actor), this.#kind],
        ...[after === undefined, after ?? null],
        ...auditTexts({ actor, action: verbOf(this.#kind, how), target: name, data }),
        ...[effective, askedBy && toStorableJson(askedBy)],
      ],
    );
    return rowCount === 1;
  }

  /** The stored versions of one name, or of all that are not the engine's own, by name and the newest first. */
  async list(tenantId: number, name?: string): Promise<readonly VersionView[]> {
    const { rows } = await this.#pool.query<VersionView>(listSql(usedSql[this.#kind]), [
      ...[tenantId, name ?? null, this.#kind],
    ]);
    return rows;
  }

  async #current(tenantId: number, name: string): Promise<number | null> {
    const [newest] = await this.publications(tenantId, name);
    return newest?.version ?? null;
  }
}

function verbOf(kind: Kind, how: PublicationKind): string {
  const released = { workflow: 'release', agent: 'delete', policy: 'withdraw' }[kind];
  const verb = { published: 'publish', rolled_back: 'rollback', released }[how];
  return `${kind}.${verb}`;
}

function unknownVersion(kind: Kind, name: string, version: number): EngineError {
  const see = `see: tutti ${kind} ${kind === 'policy' ? 'show' : 'versions'} ${name}`;
  const message = (noun: string): string => `${noun} '${name}' has no version ${version}; ${see}`;
  if (kind === 'agent') return agentUnknown(message('Agent'));
  return kind === 'workflow'
    ? new EngineError('WORKFLOW_UNKNOWN', message('Workflow'))
    : new EngineError('POLICY_UNKNOWN', message('Policy'));
}

// Which version is used by how many runs.
const usedSql: Readonly<Record<Kind, string>> = {
  workflow: `SELECT workflow AS name, workflow_version AS version, count(*)::int AS runs FROM tutti.run WHERE tenant_id = $1 AND ($2::text IS NULL OR workflow = $2) GROUP BY 1, 2`,
  agent: `SELECT substr(p.key, ${ownName('').length + 1}) AS name, (p.value->>'version')::int AS version, count(*)::int AS runs
         FROM tutti.run r CROSS JOIN LATERAL jsonb_each(r.pins->'declared'->'agents') p WHERE r.tenant_id = $1 AND p.value ? 'version' GROUP BY 1, 2`,
  policy: `SELECT p.key AS name, p.value::int AS version, count(*)::int AS runs
         FROM tutti.run r CROSS JOIN LATERAL jsonb_each_text(r.pins->'inForce') p WHERE r.tenant_id = $1 AND ($2::text IS NULL OR p.key = $2) GROUP BY 1, 2`,
};

// $1 tenant, $2 name or null for all, $3 kind.
const listSql = (
  used: string,
): string => `WITH force AS (SELECT name, version FROM tutti.in_force($1, $3)),
       used AS (${used})
       SELECT d.name, d.version, encode(d.digest, 'hex') AS digest, d.published_at AS "publishedAt", d.published_by AS "publishedBy",
         coalesce(u.runs, 0) AS runs, coalesce(f.version = d.version, false) AS "inForce"
       FROM tutti.definition d LEFT JOIN force f ON f.name = d.name LEFT JOIN used u ON u.name = d.name AND u.version = d.version
       WHERE d.tenant_id = $1 AND d.kind = $3 AND CASE WHEN $2::text IS NULL THEN d.name NOT LIKE '%:%' ELSE d.name = $2 END ORDER BY d.name, d.version DESC`;
