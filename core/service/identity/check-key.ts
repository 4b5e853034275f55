import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { Actor } from '../../engine/run/request.ts';
import { isKeyOf, prefixOf } from './key-text.ts';
import { rolesIn, scopesIn } from './key-view.ts';
import type { Principal } from './principal.ts';
import type { KeyProof, Known } from './proof.ts';
import { Remembered } from './remembered.ts';
import { suspendedTenant } from './tenants.ts';

/** A revoked key is refused by every process within this: 1 s is promised, and a look-up takes some of it. */
const rememberedMs = 500;
/** When a key was used is written down at most this often. */
const usedEveryMs = 60_000;

interface StoredKey {
  readonly tenant_id: number;
  readonly id: string;
  readonly prefix: string;
  readonly hash: Buffer;
  readonly old_hash: Buffer | null;
  readonly old_until: Date | null;
  readonly roles: readonly string[];
  readonly scopes: unknown;
  readonly person: string | null;
  readonly made_by: Actor;
  readonly rate: string | null;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly suspended_at: Date | null;
}

/** Finds out whose key a text is. All on a pool of `tutti_engine`: who it is says which tenant it is of, and not the other way round. */
export class KeyCheck {
  readonly #pool: pg.Pool;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #known: Remembered<StoredKey>;
  readonly #usedMs = new Map<string, number>();

  constructor(pool: pg.Pool, clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#pool = pool;
    this.#clock = clock;
    this.#known = new Remembered({ clock, forMs: rememberedMs });
  }

  /** @throws UNAUTHENTICATED · TENANT_SUSPENDED · DB_* */
  async check(text: string): Promise<Known<KeyProof>> {
    const prefix = prefixOf(text);
    // A prefix is no secret, so that how long it takes to find none tells nothing.
    const key = prefix && (await this.#known.get(prefix, () => this.#find(prefix)));
    if (!prefix || !key || !this.#fits(key, { prefix, text })) throw refused();
    if (isPast(key.expires_at, this.#clock.now())) throw refused('It has expired.');
    if (key.suspended_at !== null) throw suspendedTenant();
    await this.#noteUse(key);
    const { id, expires_at: expiresAt } = key;
    return {
      principal: keyPrincipal({ ...key, tenantId: key.tenant_id, madeBy: key.made_by }),
      proof: { kind: 'key', id, prefix, expiresAt: earlier(expiresAt, oldEndOf(key, prefix)) },
    };
  }

  #fits(
    key: StoredKey,
    { prefix, text }: { readonly prefix: string; readonly text: string },
  ): boolean {
    if (key.prefix === prefix) return isKeyOf(key.hash, text);
    const isOver = key.old_until === null || isPast(key.old_until, this.#clock.now());
    return !isOver && key.old_hash !== null && isKeyOf(key.old_hash, text);
  }

  async #find(prefix: string): Promise<StoredKey | null> {
    const { rows } = await this.#pool.query<StoredKey>(
      `SELECT k.tenant_id, k.id, k.prefix, k.hash, k.old_hash, k.old_until, k.roles, k.scopes, k.person, k.made_by, k.rate, k.expires_at, k.last_used_at,
         t.suspended_at
       FROM tutti.api_key k JOIN tutti.tenant t ON t.id = k.tenant_id
       WHERE (k.prefix = $1 OR k.old_prefix = $1) AND k.revoked_at IS NULL`,
      [prefix],
    );
    return rows[0] ?? null;
  }

  /** A database that cannot write still lets callers read. */
  async #noteUse({ tenant_id: tenantId, id, last_used_at: lastUsedAt }: StoredKey): Promise<void> {
    const now = this.#clock.now();
    const lastMs = this.#usedMs.get(id) ?? lastUsedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (now - lastMs < usedEveryMs) return;
    this.#usedMs.set(id, now);
    await this.#pool
      .query(
        'UPDATE tutti.api_key SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)',
        [tenantId, id, new Date(now)],
      )
      .catch(() => {});
  }
}

/** What is known of a key whose bearer is let in. */
export interface KeyFacts {
  readonly tenantId: number;
  readonly id: string;
  readonly roles: readonly string[];
  readonly scopes: unknown;
  readonly person: string | null;
  readonly madeBy: Actor;
  readonly rate: string | null;
}

/** Who calls with a key, or with a session that was begun with it. */
export function keyPrincipal(key: KeyFacts): Principal {
  const { tenantId, id, person, rate } = key;
  return {
    id: `key ${id}`,
    tenantId,
    actor: { kind: 'key', id, onBehalfOf: partiesOf(key) },
    ...(person !== null && { person }),
    roles: rolesIn(key.roles),
    ...scopesIn(key.scopes),
    ...(rate !== null && { rate }),
  };
}

/** When the text of a prefix works no more; null: with its key. */
function oldEndOf(key: StoredKey, prefix: string): Date | null {
  return key.prefix === prefix ? null : key.old_until;
}

function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/**
 * Whoever has made a key has seen its text: what it asks for is theirs, too, so that nobody approves as themself what they have asked for
 * through a key of their making.
 */
function partiesOf({ person, madeBy: maker }: KeyFacts): readonly string[] {
  const makers = maker.kind === 'person' ? [maker.id] : (maker.onBehalfOf ?? []);
  return [...new Set([...(person === null ? [] : [person]), ...makers])];
}

function isPast(at: Date | null, nowMs: number): boolean {
  return at !== null && at.getTime() <= nowMs;
}

/** That a key is unknown and that it is revoked is one answer. */
function refused(why = 'It is unknown here, or revoked.'): EngineError {
  return new EngineError('UNAUTHENTICATED', `The API key is refused. ${why}`);
}
