import type { Actor } from '../../engine/run/request.ts';
import { keyPrincipal } from './check-key.ts';
import { rolesIn, scopesIn } from './key-view.ts';
import type { Principal } from './principal.ts';

/** The key or the token that somebody was let in by, as the database has it now. */
export interface Footing {
  /** How the text of the key began that was shown; null: it was a token. */
  readonly keyPrefix: string | null;
  /** Null: there is none, or no longer. Moments are RFC 3339. */
  readonly key: {
    readonly id: string;
    readonly prefix: string;
    readonly oldPrefix: string | null;
    readonly oldUntil: string | null;
    readonly expiresAt: string | null;
    readonly revokedAt: string | null;
    readonly roles: readonly string[];
    readonly scopes: unknown;
    readonly person: string | null;
    readonly madeBy: Actor;
    readonly rate: string | null;
  } | null;
  /** Of the token. */
  readonly issuer: string | null;
  /** Whether the token was taken back. */
  readonly isDenied: boolean;
  readonly suspendedAt: Date | null;
}

/** A session with what it stands on. */
export interface SessionRow extends Footing {
  readonly tenantId: number;
  readonly id: string;
  readonly principal: string;
  /** What its token said; null: it stands on a key. */
  readonly bearer: Bearer | null;
  readonly madeAt: Date;
  readonly seenAt: Date;
  readonly idleUntil: Date;
  readonly expiresAt: Date;
  readonly userAgent: string;
  readonly address: string;
}

/** What a token said of its bearer, as a session keeps it. */
export type Bearer = Pick<Principal, 'actor' | 'roles' | 'modules' | 'companies'>;

/** By what it is judged whether somebody is still let in. */
export interface Judged {
  readonly nowMs: number;
  /** The issuers that are configured. */
  readonly issuers: ReadonlySet<string>;
}

/** The columns of `Footing`, of a tenant `t`, a key `k` and a denied token `d`. */
export const footing = `t.suspended_at AS "suspendedAt", d.id IS NOT NULL AS "isDenied",
    CASE WHEN k.id IS NOT NULL THEN jsonb_build_object('id', k.id, 'prefix', k.prefix, 'oldPrefix', k.old_prefix, 'oldUntil', k.old_until,
      'expiresAt', k.expires_at, 'revokedAt', k.revoked_at, 'roles', k.roles, 'scopes', k.scopes, 'person', k.person, 'madeBy', k.made_by,
      'rate', k.rate) END AS key`;

/** Sessions `s` with what they stand on, without their hashes. */
export const sessionRows = `SELECT s.tenant_id AS "tenantId", s.id, s.principal, s.bearer, s.made_at AS "madeAt", s.seen_at AS "seenAt",
    s.idle_until AS "idleUntil", s.expires_at AS "expiresAt", s.user_agent AS "userAgent", s.address, s.key_prefix AS "keyPrefix", s.issuer,
    ${footing}
  FROM tutti.session s JOIN tutti.tenant t ON t.id = s.tenant_id
    LEFT JOIN tutti.api_key k ON k.tenant_id = s.tenant_id AND k.id = s.key_id
    LEFT JOIN tutti.denied_token d ON d.tenant_id = s.tenant_id AND d.issuer = s.issuer AND d.id = s.token_id`;

/** Whether a session goes on; that of a tenant that is suspended does, and is refused for that. */
export function goesOn(row: SessionRow, judged: Judged): boolean {
  return row.idleUntil.getTime() > judged.nowMs && stands(row, judged);
}

/** Whether the key or the token still lets its bearer in. */
export function stands({ keyPrefix, key, issuer, isDenied }: Footing, judged: Judged): boolean {
  if (keyPrefix === null) return issuer !== null && judged.issuers.has(issuer) && !isDenied;
  if (key === null || key.revokedAt !== null) return false;
  const isAhead = (moment: string): boolean => Date.parse(moment) > judged.nowMs;
  if (key.expiresAt !== null && !isAhead(key.expiresAt)) return false;
  if (key.prefix === keyPrefix) return true;
  return key.oldPrefix === keyPrefix && key.oldUntil !== null && isAhead(key.oldUntil);
}

/** Who calls with a session: what its key may do now, or what its token said. */
export function sessionPrincipal(row: SessionRow): Principal {
  const { tenantId, key, bearer, principal: id } = row;
  if (key !== null) return keyPrincipal({ ...key, tenantId });
  const { actor, roles, ...scopes } = bearer as Bearer;
  return { id, tenantId, actor, roles: rolesIn(roles), ...scopesIn(scopes) };
}
