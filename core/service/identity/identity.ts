import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { ApiConfig } from '../../ports/api/config.ts';
import type { Database } from '../../ports/db/database.ts';
import { Attempts } from './attempts.ts';
import { KeyCheck } from './check-key.ts';
import { DeniedTokens } from './denied-tokens.ts';
import { Issuers } from './issuers.ts';
import { isKeyText } from './key-text.ts';
import { Keys } from './keys.ts';
import { localOwner, type Principal } from './principal.ts';
import { suspendedTenant, Tenants } from './tenants.ts';

/** What identities are made of. */
export interface IdentityParts {
  readonly database: Pick<Database, 'asTenant'>;
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly config: Pick<ApiConfig, 'issuers'>;
  /** Whom the person at this machine speaks for, and tokens that name no tenant. */
  readonly tenantId: number;
  readonly clock: Clock;
}

/** Who callers are: their keys, the tokens of the company's issuers, and their tenants. */
export class Identity {
  readonly keys: Keys;
  readonly tenants: Tenants;
  readonly denied: DeniedTokens;
  readonly #check: KeyCheck;
  readonly #issuers: Issuers;
  readonly #attempts: Attempts<Principal>;
  readonly #tenantId: number;

  /** @throws CONFIG_INVALID */
  constructor({ database, pool, config, tenantId, clock }: IdentityParts) {
    this.keys = new Keys(database, { pool, clock });
    this.tenants = new Tenants(pool, clock);
    this.denied = new DeniedTokens(database, { pool, clock });
    this.#check = new KeyCheck(pool, clock);
    const { tenants, denied } = this;
    this.#issuers = new Issuers(config.issuers ?? [], { tenantId, tenants, denied });
    this.#attempts = new Attempts(clock);
    this.#tenantId = tenantId;
  }

  /**
   * Who has sent a header `Authorization`, from which address.
   * @throws UNAUTHENTICATED · TOKEN_REFUSED · TOKEN_UNCHECKED · TENANT_SUSPENDED · RATE_LIMITED · DB_*
   */
  async principalOf(authorization: string, address: string): Promise<Principal> {
    const credential = bearerOf(authorization);
    if (credential === null)
      throw new EngineError(
        'UNAUTHENTICATED',
        'The header Authorization must read: Bearer, a space, and an API key or a token.',
      );
    return this.#attempts.guard({ address, credential }, () =>
      isKeyText(credential) ? this.#check.check(credential) : this.#issuers.check(credential),
    );
  }

  /** The person at this machine. @throws TENANT_SUSPENDED · DB_* */
  async local(): Promise<Principal> {
    const tenant = await this.tenants.known('id', this.#tenantId);
    if (tenant !== null && tenant.suspendedAt !== null) throw suspendedTenant();
    return localOwner(this.#tenantId);
  }
}

/** RFC 6750, section 2.1. */
function bearerOf(authorization: string): string | null {
  return /^Bearer +([\w\-.~+/]+=*) *$/i.exec(authorization)?.[1] ?? null;
}
