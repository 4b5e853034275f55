import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { ApiConfig } from '../../ports/api/config.ts';
import type { Database } from '../../ports/db/database.ts';
import { Attempts } from './attempts.ts';
import { KeyCheck } from './check-key.ts';
import { SessionCheck } from './check-session.ts';
import { DeniedTokens } from './denied-tokens.ts';
import { Issuers } from './issuers.ts';
import { isKeyText } from './key-text.ts';
import { Keys } from './keys.ts';
import { localOwner, type Principal } from './principal.ts';
import type { Known } from './proof.ts';
import { Sessions } from './sessions.ts';
import { suspendedTenant, Tenants } from './tenants.ts';
import { Watch } from './watch.ts';

const minuteMs = 60_000;

/** What identities are made of. */
export interface IdentityParts {
  readonly database: Pick<Database, 'asTenant'>;
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly config: Pick<ApiConfig, 'issuers' | 'sessions'>;
  /** Whom the person at this machine speaks for, and tokens that name no tenant. */
  readonly tenantId: number;
  readonly clock: Clock;
}

/** Who callers are: their keys, the tokens of the company's issuers, their sessions, and their tenants. */
export class Identity {
  readonly keys: Keys;
  readonly tenants: Tenants;
  readonly denied: DeniedTokens;
  readonly sessions: Sessions;
  readonly watch: Watch;
  readonly #check: KeyCheck;
  readonly #issuers: Issuers;
  readonly #sessions: SessionCheck;
  readonly #attempts: Attempts<Known>;
  readonly #tenantId: number;

  /** @throws CONFIG_INVALID */
  constructor({ database, pool, config, tenantId, clock }: IdentityParts) {
    this.keys = new Keys(database, { pool, clock });
    this.tenants = new Tenants(pool, clock);
    this.denied = new DeniedTokens(database, { pool, clock });
    this.#check = new KeyCheck(pool, clock);
    const { tenants, denied } = this;
    this.#issuers = new Issuers(config.issuers ?? [], { tenantId, tenants, denied });
    const { idleMinutes = 30, hours = 12 } = config.sessions ?? {};
    const sessionParts = {
      ...{ pool, clock, issuers: new Set((config.issuers ?? []).map(({ issuer }) => issuer)) },
      ...{ idleMs: idleMinutes * minuteMs, wholeMs: hours * 60 * minuteMs },
    };
    this.sessions = new Sessions(database, sessionParts);
    this.watch = new Watch(sessionParts);
    this.#sessions = new SessionCheck(sessionParts);
    this.#attempts = new Attempts(clock);
    this.#tenantId = tenantId;
  }

  /**
   * Who has sent a header `Authorization`, from which address.
   * @throws UNAUTHENTICATED · TOKEN_REFUSED · TOKEN_UNCHECKED · TENANT_SUSPENDED · RATE_LIMITED · DB_*
   */
  async principalOf(authorization: string, address: string): Promise<Principal> {
    return (await this.knownBy(authorization, address)).principal;
  }

  /** The same, with what they are known by. */
  async knownBy(authorization: string, address: string): Promise<Known> {
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

  /**
   * Who has sent the cookie of a session, from which address.
   * @throws SESSION_ENDED · TENANT_SUSPENDED · RATE_LIMITED · DB_*
   */
  knownBySession(cookie: string, address: string): Promise<Known> {
    return this.#attempts.guard({ address, credential: `session ${cookie}` }, () =>
      this.#sessions.check(cookie),
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
