import type pg from 'pg';
import { type Authority, authoritySettings, readAuthority } from '../../sdk/authority.ts';
import { inTenantTransaction } from '../erp/embedded/transaction.ts';

/** How old what a decision rests on may be, milliseconds. */
const longestMs = 1_000;

/** A tenant's authority, and until when it may be used. */
interface Looked {
  readonly untilMs: number;
  readonly authority: Promise<Authority>;
}

/**
 * Reads what is set at run time, at most once a second for each tenant: what it answers was in force within the last second. Who
 * cannot read it decides nothing.
 */
export class AuthorityReader {
  readonly #pool: pg.Pool;
  readonly #looked = new Map<number, Looked>();

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
    const { rows } = await inTenantTransaction(
      this.#pool,
      { tenantId, mode: 'READ ONLY' },
      (client) =>
        client.query<{ name: string; value: unknown }>(
          'SELECT name, value FROM tutti.setting WHERE tenant_id = $1 AND name = ANY ($2)',
          [tenantId, authoritySettings],
        ),
    );
    return readAuthority(new Map(rows.map(({ name, value }) => [name, value])));
  }
}
