import { sql } from 'kysely';
import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { isId, newId } from '../../base/ids.ts';
import { toStorableText, toVisible } from '../../base/text.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import { sweepSessions } from '../../engine/retention/sessions.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { Database } from '../../ports/db/database.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { Principal } from './principal.ts';
import type { KeyProof, Known, TokenProof } from './proof.ts';
import { goesOn, type SessionRow, sessionPrincipal, sessionRows } from './session-row.ts';
import { hashOfSession, makeSessionSecret } from './session-secret.ts';

/** Of what a browser says of itself this much is kept. */
const longestAgent = 200;
const mostListed = 1_000;

/** A session as people see it: everything but what it takes to use it. */
export interface SessionView extends Pick<Principal, 'actor' | 'roles' | 'modules' | 'companies'> {
  readonly id: string;
  /** The person as whom it decides; null: nobody. */
  readonly person: string | null;
  /** The key that it was begun with; null: with a token of `issuer`. */
  readonly key: string | null;
  readonly issuer: string | null;
  readonly madeAt: Date;
  /** To the minute. */
  readonly seenAt: Date;
  /** When it ends unless it is used before. */
  readonly idleUntil: Date;
  /** When it ends however much it is used. */
  readonly expiresAt: Date;
  readonly userAgent: string;
  readonly address: string;
}

/** Where a session is begun. */
export interface Browser {
  readonly userAgent: string;
  readonly address: string;
}

/** What a session is begun with. */
export type SignIn = Known<KeyProof | TokenProof>;

/** Which sessions of a tenant. */
export interface SessionsOf {
  readonly tenantId: number;
  /** Whose, by the principal's id. @default everybody's */
  readonly principal?: string;
  /** @default all of them */
  readonly id?: string;
}

interface SessionParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Pick<Clock, 'now'>;
  /** The issuers that are configured. */
  readonly issuers: ReadonlySet<string>;
  /** How long a session goes on that nobody uses, and at all. */
  readonly idleMs: number;
  readonly wholeMs: number;
}

/** The sessions of people in browsers. Checking a cookie is check-session.ts. */
export class Sessions {
  readonly #database: Pick<Database, 'asTenant'>;
  readonly #parts: SessionParts;

  constructor(database: Pick<Database, 'asTenant'>, parts: SessionParts) {
    this.#database = database;
    this.#parts = parts;
  }

  /** Begins one that ends with its key or token at the latest; `secret` is for the cookie, and kept by nobody here. @throws DB_* */
  async begin(
    signIn: SignIn,
    browser: Browser,
  ): Promise<{ readonly session: SessionView; readonly secret: string }> {
    const { tenantId, actor } = signIn.principal;
    const { pool, clock } = this.#parts;
    const [id, secret] = [newId(), makeSessionSecret()];
    await sweepSessions(pool, new Date(clock.now()));
    await inTransaction(pool, async (client) => {
      const values = this.#values(signIn, browser);
      await client.query(insertSql, [tenantId, id, hashOfSession(secret), ...values]);
      const { proof } = signIn;
      const data = proof.kind === 'key' ? { key: proof.id } : { issuer: proof.issuer };
      await appendAudit(client, { tenantId, actor, action: 'session.begin', target: id, data });
    });
    return { session: await this.get({ tenantId, id }), secret };
  }

  /** Those that go on, the last used first, at most 1,000. */
  async list({ tenantId, principal, id }: SessionsOf): Promise<readonly SessionView[]> {
    const conditions = [
      ...(principal === undefined ? [] : [sql`s.principal = ${principal}`]),
      ...(id === undefined ? [] : [sql`s.id = ${id}`]),
      sql`s.idle_until > ${new Date(this.#parts.clock.now())}`,
    ];
    const { rows } = await this.#database.asTenant(tenantId, (transaction) =>
      sql<SessionRow>`${sql.raw(sessionRows)} WHERE ${sql.join(conditions, sql` AND `)}
        ORDER BY s.seen_at DESC, s.id DESC LIMIT ${sql.lit(mostListed)}`.execute(transaction),
    );
    const judged = { nowMs: this.#parts.clock.now(), issuers: this.#parts.issuers };
    return rows.filter((row) => goesOn(row, judged)).map(viewOf);
  }

  /** @throws SESSION_UNKNOWN for one that has ended, too */
  async get(of: SessionsOf & { readonly id: string }): Promise<SessionView> {
    const [found] = isId(of.id) ? await this.list(of) : [];
    if (found) return found;
    throw new EngineError(
      'SESSION_UNKNOWN',
      `There is no session '${of.id.slice(0, 80)}' that goes on.`,
    );
  }

  /** Ends those that are meant: within a second their cookies work nowhere. Returns the ids of those that there were. @throws DB_* */
  async end({ tenantId, principal, id }: SessionsOf, actor: Actor): Promise<readonly string[]> {
    if (id !== undefined && !isId(id)) return [];
    return inTransaction(this.#parts.pool, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `DELETE FROM tutti.session WHERE tenant_id = $1 AND ($2::text IS NULL OR principal = $2) AND ($3::uuid IS NULL OR id = $3)
         RETURNING id`,
        [tenantId, principal ?? null, id ?? null],
      );
      for (const { id: target } of rows)
        await appendAudit(client, { tenantId, actor, action: 'session.end', target });
      return rows.map((row) => row.id);
    });
  }

  /** What follows tenant, id and hash in `insertSql`. */
  #values({ principal, proof }: SignIn, { userAgent, address }: Browser): readonly unknown[] {
    const { clock, idleMs, wholeMs } = this.#parts;
    const now = clock.now();
    const expiresMs = Math.min(
      now + wholeMs,
      proof.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    );
    const { actor, roles, modules, companies } = principal;
    const stands =
      proof.kind === 'key'
        ? [proof.id, proof.prefix, null, null, null]
        : [null, null, proof.issuer, proof.id, toJsonb({ actor, roles, modules, companies })];
    return [
      ...[principal.id, ...stands, new Date(now)],
      ...[new Date(Math.min(now + idleMs, expiresMs)), new Date(expiresMs)],
      ...[toVisible(toStorableText(userAgent)).slice(0, longestAgent), address.slice(0, 100)],
    ];
  }
}

const insertSql = `INSERT INTO tutti.session (tenant_id, id, hash, principal, key_id, key_prefix, issuer, token_id, bearer, made_at, seen_at, idle_until,
    expires_at, user_agent, address)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14)`;

function viewOf(row: SessionRow): SessionView {
  const { id, key, issuer, madeAt, seenAt, idleUntil, expiresAt, userAgent, address } = row;
  const { actor, person = null, roles, modules, companies } = sessionPrincipal(row);
  return {
    ...{ id, actor, person, roles, modules, companies, key: key?.id ?? null, issuer },
    ...{ madeAt, seenAt, idleUntil, expiresAt, userAgent, address },
  };
}
