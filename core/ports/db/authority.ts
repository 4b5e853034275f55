import type pg from 'pg';
import { type Authority, authoritySettings, readAuthority } from '../../sdk/authority.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import { policyOf } from '../../sdk/policy/policy-document.ts';
import { rethrowTranslated } from './db-error.ts';
import { readInTenant } from './tenant-reads.ts';

/** How old what a decision rests on may be, milliseconds. */
const longestMs = 1_000;

/** A tenant's authority, and until when it may be used. */
interface Looked {
  readonly untilMs: number;
  readonly authority: Promise<Authority>;
}

/** Policies in force, by what they are called: the same objects until others are. */
interface Kept {
  readonly key: string;
  readonly policies: readonly Policy[] | 'unreadable';
}

const none: readonly Policy[] = [];

/** A setting, or with a version a policy in force. */
interface Row {
  readonly name: string;
  readonly value: unknown;
  readonly version: number | null;
}

/**
 * Reads what is set at run time, at most once a second for each tenant: what it answers was in force within the last second. Who
 * cannot read it decides nothing.
 */
export class AuthorityReader {
  readonly #pool: pg.Pool;
  readonly #looked = new Map<number, Looked>();
  readonly #kept = new Map<number, Kept>();

  /** `pool` acts as `tutti_tenant`. */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** @throws DB_* */
  of(tenantId: number): Promise<Authority> {
    // Counted from before the question: an answer under way is as old as its question.
    const now = performance.now();
    const known = this.#looked.get(tenantId);
    if (known && now < known.untilMs) return known.authority;
    const authority = this.#read(tenantId);
    this.#looked.set(tenantId, { untilMs: now + longestMs, authority });
    authority.catch(() => this.#looked.delete(tenantId));
    return authority;
  }

  async #read(tenantId: number): Promise<Authority> {
    const rows = await this.#rows<Row>(
      tenantId,
      `SELECT name, value, NULL::int AS version FROM tutti.setting WHERE tenant_id = $1 AND name = ANY ($2)
       UNION ALL SELECT name, NULL, version FROM tutti.in_force($1, 'policy')`,
      [authoritySettings],
    );
    const set = rows.filter(({ version }) => version === null);
    const inForce = rows.filter(({ version }) => version !== null);
    const policies = await this.#policies(tenantId, inForce);
    return readAuthority(new Map(set.map(({ name, value }) => [name, value])), policies);
  }

  /** `text` has the tenant as its first value. */
  #rows<T>(tenantId: number, text: string, values: readonly unknown[]): Promise<readonly T[]> {
    return readInTenant<T>(this.#pool, tenantId, { text, values: [tenantId, ...values] }).catch(
      rethrowTranslated,
    );
  }

  /** The bodies are read once: a version never changes. */
  async #policies(tenantId: number, inForce: readonly Row[]): Promise<Kept['policies']> {
    if (inForce.length === 0) return none;
    const key = inForce.map(({ name, version }) => `${name}@${version}`).join();
    const known = this.#kept.get(tenantId);
    if (known?.key === key) return known.policies;
    const rows = await this.#rows<{ readonly version: number; readonly body: unknown }>(
      tenantId,
      `SELECT version, body FROM tutti.definition WHERE tenant_id = $1 AND kind = 'policy'
         AND (name, version) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY name`,
      [inForce.map(({ name }) => name), inForce.map(({ version }) => version)],
    );
    const read = rows.flatMap(({ version, body }) => policyOf(version, body) ?? []);
    const policies = read.length === inForce.length ? read : 'unreadable';
    this.#kept.set(tenantId, { key, policies });
    return policies;
  }
}
