import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import type { Actor } from '../../engine/run/request.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { Remembered } from './remembered.ts';

/** A tenant as people see it. */
export interface TenantView {
  readonly slug: string;
  readonly createdAt: Date;
  /** Null: its callers are let in, and its runs go on. */
  readonly suspendedAt: Date | null;
}

/** A tenant as callers are let in by it. */
export interface KnownTenant extends TenantView {
  readonly id: number;
}

/** The tenants of an installation, without what Tutti ships for all of them, by number. `queryable` acts as `tutti_engine`. */
export async function readTenants(queryable: Queryable): Promise<readonly KnownTenant[]> {
  const { rows } = await queryable.query<KnownTenant>(
    `SELECT ${columns} FROM tutti.tenant WHERE id <> 0 ORDER BY id`,
  );
  return rows;
}

/** One of them, and whether it is the only one; null: there is none of that number. `queryable` acts as `tutti_engine`. */
export async function readTenant(
  queryable: Queryable,
  id: number,
): Promise<(KnownTenant & { readonly isAlone: boolean }) | null> {
  const { rows } = await queryable.query<KnownTenant & { readonly isAlone: boolean }>(
    `SELECT ${columns}, NOT EXISTS (SELECT FROM tutti.tenant o WHERE o.id NOT IN (0, t.id)) AS "isAlone" FROM tutti.tenant t WHERE id = $1`,
    [id],
  );
  return rows[0] ?? null;
}

/** A suspension holds in every process within this; 1 s is promised. */
const rememberedMs = 500;
const columns = `id, slug, created_at AS "createdAt", suspended_at AS "suspendedAt"`;
const form = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The tenants of an installation. All on a pool of `tutti_engine`: whoever may ask may see every one of them. */
export class Tenants {
  readonly #pool: pg.Pool;
  readonly #known: Remembered<KnownTenant>;

  constructor(pool: pg.Pool, clock: Pick<Clock, 'monotonic'>) {
    this.#pool = pool;
    this.#known = new Remembered({ clock, forMs: rememberedMs });
  }

  /** Every tenant, by name. */
  async list(): Promise<readonly TenantView[]> {
    const { rows } = await this.#pool.query<KnownTenant>(
      `SELECT ${columns} FROM tutti.tenant ORDER BY slug`,
    );
    return rows.map(viewOf);
  }

  /** @throws TENANT_UNKNOWN */
  async find(slug: string): Promise<KnownTenant> {
    const found = await this.#read('slug', slug);
    if (found) return found;
    throw unknown(slug);
  }

  /** As it stands, or stood half a second ago; null: there is none. */
  known(by: 'slug' | 'id', value: string | number): Promise<KnownTenant | null> {
    return this.#known.get(`${by} ${value}`, () => this.#read(by, value));
  }

  /** Makes a tenant. @throws INPUT_INVALID */
  async create(slug: string, actor: Actor): Promise<TenantView> {
    if (!form.test(slug))
      throw wrong(
        `'${slug.slice(0, 80)}' is no name of a tenant; write 1 to 63 of a to z, 0 to 9 and hyphens within.`,
      );
    return await inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<KnownTenant>(
        `INSERT INTO tutti.tenant (slug) VALUES ($1) ON CONFLICT (slug) DO NOTHING RETURNING ${columns}`,
        [slug],
      );
      const [made] = rows;
      if (!made) throw wrong(`There is a tenant '${slug}' already.`);
      await appendAudit(client, { tenantId: 0, actor, action: 'tenant.create', target: slug });
      return viewOf(made);
    });
  }

  /**
   * Refuses its callers from now on, and lets nothing of it run: within a second its runs stand still on every engine, and none begins.
   * @throws TENANT_UNKNOWN
   */
  suspend(slug: string, actor: Actor): Promise<TenantView> {
    return this.#set(slug, { isSuspended: true, actor });
  }

  /** Lets its callers in again; its runs go on where they stood, but those that somebody has paused. @throws TENANT_UNKNOWN */
  resume(slug: string, actor: Actor): Promise<TenantView> {
    return this.#set(slug, { isSuspended: false, actor });
  }

  async #set(
    slug: string,
    { isSuspended, actor }: { readonly isSuspended: boolean; readonly actor: Actor },
  ): Promise<TenantView> {
    const changed = await inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<KnownTenant>(
        `UPDATE tutti.tenant SET suspended_at = CASE WHEN $2 THEN clock_timestamp() END
         WHERE slug = $1 AND (suspended_at IS NULL) = $2 RETURNING ${columns}`,
        [slug, isSuspended],
      );
      const action = isSuspended ? 'tenant.suspend' : 'tenant.resume';
      if (rows[0]) await appendAudit(client, { tenantId: 0, actor, action, target: slug });
      return rows[0];
    });
    // It is so already, or there is none.
    return viewOf(changed ?? (await this.find(slug)));
  }

  async #read(by: 'slug' | 'id', value: string | number): Promise<KnownTenant | null> {
    const text = `SELECT ${columns} FROM tutti.tenant WHERE ${by} = $1`;
    const { rows } = await this.#pool.query<KnownTenant>(text, [value]);
    return rows[0] ?? null;
  }
}

/** What whoever asks for something in the name of a tenant hears that is suspended. */
export function suspendedTenant(): EngineError {
  return new EngineError(
    'TENANT_SUSPENDED',
    'This tenant is suspended: its callers are refused, and nothing of it runs.',
  );
}

function viewOf({ slug, createdAt, suspendedAt }: KnownTenant): TenantView {
  return { slug, createdAt, suspendedAt };
}

function unknown(slug: string): EngineError {
  return new EngineError('TENANT_UNKNOWN', `There is no tenant '${slug.slice(0, 80)}'.`);
}

function wrong(message: string): EngineError {
  return new EngineError('INPUT_INVALID', message);
}
