import type pg from 'pg';
import { type Authority, authoritySettings, readAuthority } from '../../sdk/authority.ts';
import type { Policy } from '../../sdk/policy.ts';
import { policyOf } from '../../sdk/policy-document.ts';
import { inTenantTransaction } from '../erp/embedded/transaction.ts';

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
    return await inTenantTransaction(
      this.#pool,
      { tenantId, mode: 'READ ONLY' },
      async (client) => {
        const { rows } = await client.query<Row>(
          `SELECT name, value, NULL::int AS version FROM tutti.setting WHERE tenant_id = $1 AND name = ANY ($2)
         UNION ALL SELECT name, NULL, version FROM tutti.in_force($1, 'policy')`,
          [tenantId, authoritySettings],
        );
        const set = rows.filter(({ version }) => version === null);
        const inForce = rows.filter(({ version }) => version !== null);
        const policies = await this.#policies(client, tenantId, inForce);
        return readAuthority(new Map(set.map(({ name, value }) => [name, value])), policies);
      },
    );
  }

  /** The bodies are read once: a version never changes. */
  async #policies(
    client: Pick<pg.ClientBase, 'query'>,
    tenantId: number,
    inForce: readonly Row[],
  ): Promise<Kept['policies']> {
    if (inForce.length === 0) return none;
    const key = inForce.map(({ name, version }) => `${name}@${version}`).join();
    const known = this.#kept.get(tenantId);
    if (known?.key === key) return known.policies;
    const { rows } = await client.query<{ readonly version: number; readonly body: unknown }>(
      `SELECT version, body FROM tutti.definition WHERE tenant_id = $1 AND kind = 'policy'
         AND (name, version) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY name`,
      [tenantId, inForce.map(({ name }) => name), inForce.map(({ version }) => version)],
    );
    const read = rows.flatMap(({ version, body }) => policyOf(version, body) ?? []);
    const policies = read.length === inForce.length ? read : 'unreadable';
    this.#kept.set(tenantId, { key, policies });
    return policies;
  }
}
