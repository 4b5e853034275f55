import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { EngineError } from '../../base/errors.ts';
import type { McpServe, TokenIssuer } from '../../ports/mcp/config.ts';
import type { Caller, Scope } from './caller.ts';

/** How far the clocks of issuers may differ from ours. */
const clockToleranceSeconds = 30;
/** Keys are fetched at most this often, whatever unknown keys tokens name. */
const fetchPauseMs = 30_000;
const fetchTimeoutMs = 5_000;
/** Signatures that no holder of a public key can make. */
const algorithm = /^(ES(256|384|512)|PS(256|384|512)|RS(256|384|512)|EdDSA|Ed25519)$/;

/** Makes callers of bearer tokens. */
export class Tokens {
  readonly #resource: string;
  readonly #issuers: ReadonlyMap<string, Keys>;
  readonly #names: Readonly<Record<Scope, string>>;

  /** @throws CONFIG_INVALID */
  constructor({ resource, issuers, scopes = {} }: McpServe) {
    if (issuers.length === 0) throw invalid('issuers', 'is empty; name at least one');
    this.#resource = publicUrl('resource', resource).href;
    if (this.#resource !== resource) throw invalid('resource', `must read '${this.#resource}'`);
    this.#issuers = new Map(issuers.map((each) => [each.issuer, keysOf(each)]));
    this.#names = { read: scopes.read ?? 'tutti.read', run: scopes.run ?? 'tutti.run' };
  }

  /** What the issuers call the scopes. */
  get names(): Readonly<Record<Scope, string>> {
    return this.#names;
  }

  /** @throws TOKEN_REFUSED · TOKEN_UNCHECKED while its issuer's keys cannot be fetched */
  async check(token: string): Promise<Caller> {
    try {
      // Only to know whose keys it claims; nothing of it counts before they have confirmed it.
      const issuer = String(decodeJwt(token).iss);
      const keys = this.#issuers.get(issuer);
      if (!keys) throw refused('it is of an issuer that is not configured');
      const { payload } = await jwtVerify(token, keys.get, {
        issuer,
        audience: this.#resource,
        algorithms: [...keys.algorithms],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      return this.#callerOf(issuer, payload);
    } catch (error) {
      throw toRefusal(error);
    }
  }

  #callerOf(issuer: string, payload: JWTPayload): Caller {
    const { sub = '', client_id: clientId = payload.azp } = payload;
    const client = typeof clientId === 'string' ? clientId : null;
    const granted = scopesIn(payload);
    const scopes = (['read', 'run'] as const).filter((each) => granted.includes(this.#names[each]));
    return {
      id: JSON.stringify([issuer, client, sub]),
      actor: {
        kind: 'agent',
        id: (client === null ? 'mcp' : `mcp:${client}`).slice(0, 200),
        // A program with an account of its own acts for itself.
        ...(sub !== client && { onBehalfOf: [sub.slice(0, 200)] }),
      },
      scopes: new Set(scopes),
    };
  }
}

interface Keys extends Pick<TokenIssuer, 'algorithms'> {
  readonly get: ReturnType<typeof createRemoteJWKSet>;
}

function keysOf({ issuer, jwksUrl, algorithms }: TokenIssuer): Keys {
  const wrong = algorithms.find((each) => !algorithm.test(each));
  if (algorithms.length === 0 || wrong !== undefined)
    throw invalid(
      'algorithms',
      `of '${issuer}' must be signatures with public keys, such as ES256, not '${wrong ?? ''}'`,
    );
  const get = createRemoteJWKSet(publicUrl('jwksUrl', jwksUrl), {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: fetchPauseMs,
  });
  return { algorithms, get };
}

/** An https address, or one of this machine. @throws CONFIG_INVALID */
function publicUrl(field: string, text: string): URL {
  const url = URL.parse(text);
  const isOwn = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isOwn);
  if (url && isFit && !url.hash && !url.username && !url.password) return url;
  throw invalid(field, `must be an https address, not '${text.slice(0, 200)}'`);
}

function invalid(field: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `mcp.serve: ${field} ${what}.`);
}

/** RFC 9068, section 2.2.3: names with spaces between; some issuers write `scp`, some a list. */
function scopesIn({ scope, scp }: JWTPayload): readonly string[] {
  const claim = scope ?? scp;
  if (Array.isArray(claim)) return claim.map(String);
  return typeof claim === 'string' ? claim.split(' ') : [];
}

function refused(why: string, cause?: unknown): EngineError {
  return new EngineError('TOKEN_REFUSED', `The token is refused: ${why}.`, { cause });
}

/** Why a token is refused, in words that tell nothing of its content. */
function toRefusal(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof errors.JWTExpired) return refused('it has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`its '${error.claim}' is not as it must be`, error);
  const isOfKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  const isOfToken = error instanceof errors.JOSEError && error.code !== errors.JOSEError.code;
  if (isOfToken && !isOfKeys)
    return refused('it is no token that a configured issuer has signed', error);
  return new EngineError('TOKEN_UNCHECKED', "The keys of the token's issuer cannot be fetched.", {
    cause: error,
  });
}
