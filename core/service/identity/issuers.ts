import type { JWTPayload } from 'jose';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { readPerson } from '../../engine/approvals/person.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { ApiIssuer } from '../../ports/api/config.ts';
import type { DeniedTokens } from './denied-tokens.ts';
import { roles as knownRoles, type Role } from './permission.ts';
import type { Known, TokenProof } from './proof.ts';
import { suspendedTenant, type Tenants } from './tenants.ts';
import { IssuedTokens, refusedToken } from './tokens.ts';

/** RFC 9068, section 2.1: what a token for an API is, and a token about a person is not. */
const usualTyp = 'at+jwt';
const usualMaxAgeSeconds = 86_400;

interface IssuerParts {
  /** Whose callers are let in where neither issuer nor token names a tenant. */
  readonly tenantId: number;
  readonly tenants: Tenants;
  readonly denied: DeniedTokens;
}

/** Makes callers of the tokens of the company's issuers. */
export class Issuers {
  readonly #tokens: IssuedTokens;
  readonly #issuers: ReadonlyMap<string, ApiIssuer>;
  readonly #parts: IssuerParts;

  /** @throws CONFIG_INVALID */
  constructor(issuers: readonly ApiIssuer[], parts: IssuerParts) {
    this.#tokens = openIssuers(issuers);
    this.#issuers = new Map(issuers.map((each) => [each.issuer, each]));
    this.#parts = parts;
  }

  /** @throws TOKEN_REFUSED · TOKEN_UNCHECKED · TENANT_SUSPENDED · DB_* */
  async check(token: string): Promise<Known<TokenProof>> {
    const { issuer, payload } = await this.#tokens.check(token);
    const config = this.#issuers.get(issuer) as ApiIssuer;
    const tenantId = await this.#tenantOf(config, payload);
    const { jti: id } = payload;
    if (id !== undefined && (await this.#parts.denied.isDenied({ tenantId, issuer, id })))
      throw refusedToken('it was taken back');
    const principal = {
      id: JSON.stringify(['token', issuer, clientOf(payload), payload.sub]),
      tenantId,
      actor: actorOf(config, payload),
      roles: rolesOf(config, payload),
      modules: limitsIn(payload, config.modulesClaim),
      companies: limitsIn(payload, config.companiesClaim),
    };
    const expiresAt = endOf(config, payload);
    return { principal, proof: { kind: 'token', issuer, id: id ?? null, expiresAt } };
  }

  async #tenantOf({ tenantClaim, tenant }: ApiIssuer, payload: JWTPayload): Promise<number> {
    const named = tenantClaim === undefined ? tenant : claimOf(payload, tenantClaim);
    if (tenantClaim !== undefined && typeof named !== 'string')
      throw refusedToken('it names no tenant');
    const { tenants, tenantId } = this.#parts;
    const found =
      typeof named === 'string'
        ? await tenants.known('slug', named)
        : await tenants.known('id', tenantId);
    if (!found) throw refusedToken('it names a tenant that there is not');
    if (found.suspendedAt !== null) throw suspendedTenant();
    return found.id;
  }
}

/** What checks the tokens of a configuration's issuers; nobody is asked yet. @throws CONFIG_INVALID */
export function openIssuers(issuers: readonly ApiIssuer[]): IssuedTokens {
  for (const { roles = {} } of issuers) checkRoles(roles);
  return new IssuedTokens(issuers.map(termsOf), 'api.issuers');
}

function termsOf(issuer: ApiIssuer) {
  const { typ = usualTyp, maxTokenAgeSeconds = usualMaxAgeSeconds, requiredClaims = [] } = issuer;
  return { ...issuer, typ, maxTokenAgeSeconds, requiredClaims: ['iat', ...requiredClaims] };
}

function checkRoles(roles: Readonly<Record<string, string>>): void {
  const strange = Object.values(roles).find((role) => !Object.hasOwn(knownRoles, role));
  if (strange === undefined) return;
  throw new EngineError(
    'CONFIG_INVALID',
    `api.issuers: there is no role '${strange}'; there are ${Object.keys(knownRoles).join(', ')}.`,
  );
}

/** When a token is too old, by its own word or by ours; both claims were asked for. */
function endOf(
  { maxTokenAgeSeconds = usualMaxAgeSeconds }: ApiIssuer,
  { exp = 0, iat = 0 }: JWTPayload,
): Date {
  return new Date(Math.min(exp, iat + maxTokenAgeSeconds) * 1_000);
}

/** A program with an account of its own acts for itself; whoever else has a token is a person. */
function actorOf({ personClaim = 'sub' }: ApiIssuer, payload: JWTPayload): Actor {
  const client = clientOf(payload);
  if (client !== null && client === payload.sub) return { kind: 'key', id: client.slice(0, 200) };
  const named = claimOf(payload, personClaim);
  try {
    return { kind: 'person', id: readPerson(typeof named === 'string' ? named : '') };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw refusedToken(`its '${personClaim}' names no person`, error);
  }
}

function clientOf({ client_id: clientId, azp }: JWTPayload): string | null {
  const client = clientId ?? azp;
  return typeof client === 'string' ? client : null;
}

/** Whoever administers an issuer must not become the owner of every tenant by a word in a token. */
function rolesOf({ rolesClaim = 'roles', roles }: ApiIssuer, payload: JWTPayload): readonly Role[] {
  const names = listIn(claimOf(payload, rolesClaim));
  const own = (name: string): string | undefined => {
    if (roles) return Object.hasOwn(roles, name) ? roles[name] : undefined;
    return name === 'owner' ? undefined : name;
  };
  const meant = names.map(own).filter((name): name is Role => {
    return name !== undefined && Object.hasOwn(knownRoles, name);
  });
  return [...new Set(meant)];
}

/** A claim that is configured and is not there gives nothing. */
function limitsIn(payload: JWTPayload, claim: string | undefined): readonly string[] | null {
  return claim === undefined ? null : listIn(claimOf(payload, claim));
}

function listIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string');
  return typeof value === 'string' ? value.split(' ') : [];
}

/** By its own name, which may be an address with dots in it, or within others. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}
