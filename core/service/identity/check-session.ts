import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { Known, SessionProof } from './proof.ts';
import { Remembered } from './remembered.ts';
import { goesOn, type SessionRow, sessionPrincipal, sessionRows } from './session-row.ts';
import { csrfTokenOf, hashOfSession, isSessionSecret } from './session-secret.ts';
import { suspendedTenant } from './tenants.ts';

/** A session that was ended is refused by every process within this, as a revoked key is. */
const rememberedMs = 500;
/** When a session was used is written down at most this often. */
const seenEveryMs = 60_000;

/** What sessions are looked up with. */
export interface SessionCheckParts {
  /** Of `tutti_engine`: who it is says which tenant it is of. */
  readonly pool: pg.Pool;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly issuers: ReadonlySet<string>;
  /** How long a session goes on that nobody uses. */
  readonly idleMs: number;
}

/** Finds out whose session a cookie is of. */
export class SessionCheck {
  readonly #parts: SessionCheckParts;
  readonly #known: Remembered<SessionRow>;
  /** Looked at since they were read: of many requests at once one writes. */
  readonly #noted = new WeakSet<SessionRow>();

  constructor(parts: SessionCheckParts) {
    this.#parts = parts;
    this.#known = new Remembered({ clock: parts.clock, forMs: rememberedMs });
  }

  /** @throws SESSION_ENDED · TENANT_SUSPENDED · DB_* */
  async check(secret: string): Promise<Known<SessionProof>> {
    const hash = isSessionSecret(secret) ? hashOfSession(secret) : null;
    const row = hash && (await this.#known.get(hash.toString('base64'), () => this.#find(hash)));
    const { clock, issuers } = this.#parts;
    if (!row || !goesOn(row, { nowMs: clock.now(), issuers })) throw ended();
    if (row.suspendedAt !== null) throw suspendedTenant();
    await this.#noteUse(row);
    const proof = { kind: 'session', id: row.id, csrfToken: csrfTokenOf(secret) } as const;
    return { principal: sessionPrincipal(row), proof };
  }

  async #find(hash: Buffer): Promise<SessionRow | null> {
    const { rows } = await this.#parts.pool.query<SessionRow>(`${sessionRows} WHERE s.hash = $1`, [
      hash,
    ]);
    return rows[0] ?? null;
  }

  /** A database that cannot write still lets callers read. */
  async #noteUse(row: SessionRow): Promise<void> {
    const { clock, idleMs } = this.#parts;
    const now = clock.now();
    if (now - row.seenAt.getTime() < seenEveryMs || this.#noted.has(row)) return;
    this.#noted.add(row);
    await this.#parts.pool
      .query(
        `UPDATE tutti.session SET seen_at = $3, idle_until = least(expires_at, $4)
         WHERE tenant_id = $1 AND id = $2 AND seen_at < $3`,
        [row.tenantId, row.id, new Date(now), new Date(now + idleMs)],
      )
      .catch(() => {});
  }
}

/** That a session is unknown, has expired or was ended is one answer. */
function ended(): EngineError {
  return new EngineError(
    'SESSION_ENDED',
    'This session has ended, or what it was begun with counts no more; sign in again.',
    { details: { none: true } },
  );
}
