import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { EngineError } from '../../base/errors.ts';
import { leadsHere } from '../../base/loopback.ts';
import type { TokenIssuer } from '../../ports/mcp/config.ts';

/** How far the clocks of issuers may differ from ours. */
const clockToleranceSeconds = 30;
/** Keys are fetched at most this often, whatever unknown keys tokens name. */
const fetchPauseMs = 30_000;
const fetchTimeoutMs = 5_000;
/** Signatures that no holder of a public key can make, by the type of their keys: an issuer has keys of one type. */
const families = [/^ES(256|384|512)$/, /^(PS|RS)(256|384|512)$/, /^(EdDSA|Ed25519)$/];

/** What a token of an issuer must say. */
export interface TokenTerms extends TokenIssuer {
  readonly audience: string;
  /** @default any */
  readonly typ?: string;
  /** Beside `exp` and `sub`. @default none */
  readonly requiredClaims?: readonly string[];
  /** Seconds. @default as the token says */
  readonly maxTokenAgeSeconds?: number;
}

/** A token whose signature and terms hold. */
export interface CheckedToken {
  readonly issuer: string;
  readonly payload: JWTPayload;
}

/** Checks the tokens of configured issuers: for the API and for the MCP server. */
export class IssuedTokens {
  readonly #issuers: ReadonlyMap<string, Issuer>;

  /** `place` is where they are configured. @throws CONFIG_INVALID */
  constructor(issuers: readonly TokenTerms[], place: string) {
    this.#issuers = new Map(issuers.map((each) => [each.issuer, issuerOf(each, place)]));
  }

  /** @throws TOKEN_REFUSED · TOKEN_UNCHECKED while its issuer's keys cannot be fetched */
  async check(token: string): Promise<CheckedToken> {
    try {
      // Only to know whose keys it claims; nothing of it counts before they have confirmed it.
      const issuer = String(decodeJwt(token).iss);
      const known = this.#issuers.get(issuer);
      if (!known) throw refusedToken('it is of an issuer that is not configured');
      const { terms } = known;
      const { payload } = await jwtVerify(token, known.keys, {
        issuer,
        audience: terms.audience,
        algorithms: [...terms.algorithms],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub', ...(terms.requiredClaims ?? [])],
        ...(terms.typ !== undefined && { typ: terms.typ }),
        ...(terms.maxTokenAgeSeconds !== undefined && { maxTokenAge: terms.maxTokenAgeSeconds }),
      });
      return { issuer, payload };
    } catch (error) {
      throw toRefusal(error);
    }
  }
}

interface Issuer {
  readonly terms: TokenTerms;
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
}

function issuerOf(terms: TokenTerms, place: string): Issuer {
  const { issuer, algorithms, jwksUrl } = terms;
  const isFit = families.some((family) => algorithms.every((each) => family.test(each)));
  if (algorithms.length === 0 || !isFit)
    throw invalid(
      place,
      `algorithms of '${issuer}' must be signatures with public keys of one type, such as ES256, not '${algorithms.join(', ')}'`,
    );
  const keys = createRemoteJWKSet(publicUrl(place, 'jwksUrl', jwksUrl), {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: fetchPauseMs,
  });
  return { terms, keys };
}

/** An https address, or one of this machine. @throws CONFIG_INVALID */
export function publicUrl(place: string, field: string, text: string): URL {
  const url = URL.parse(text);
  const isOwn = url !== null && leadsHere(url);
  const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isOwn);
  if (url && isFit && !url.hash && !url.username && !url.password) return url;
  throw invalid(place, `${field} must be an https address, not '${text.slice(0, 200)}'`);
}

function invalid(place: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `${place}: ${what}.`);
}

/** Why a token is refused, in words that tell nothing of its content. */
export function refusedToken(why: string, cause?: unknown): EngineError {
  return new EngineError('TOKEN_REFUSED', `The token is refused: ${why}.`, { cause });
}

function toRefusal(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof errors.JWTExpired) return refusedToken('it has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed)
    return refusedToken(`its '${error.claim}' is not as it must be`, error);
  const isOfKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  const isOfToken = error instanceof errors.JOSEError && error.code !== errors.JOSEError.code;
  if (isOfToken && !isOfKeys)
    return refusedToken('it is no token that a configured issuer has signed', error);
  return new EngineError('TOKEN_UNCHECKED', "The keys of the token's issuer cannot be fetched.", {
    cause: error,
  });
}
