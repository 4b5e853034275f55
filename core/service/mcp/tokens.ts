import type { JWTPayload } from 'jose';
import { EngineError } from '../../base/errors.ts';
import type { McpServe } from '../../ports/mcp/config.ts';
import { IssuedTokens, publicUrl, refusedToken } from '../identity/tokens.ts';
import type { Caller, Scope } from './caller.ts';

const place = 'mcp.serve';

/** Whether a token was taken back, by its issuer and its `jti`. */
export type TakenBack = (issuer: string, id: string) => Promise<boolean>;

/** Makes callers of bearer tokens. */
export class Tokens {
  readonly #tokens: IssuedTokens;
  readonly #names: Readonly<Record<Scope, string>>;
  readonly #isTakenBack: TakenBack;

  /** @throws CONFIG_INVALID */
  constructor({ resource, issuers, scopes = {} }: McpServe, isTakenBack: TakenBack) {
    if (issuers.length === 0) throw invalid('issuers is empty; name at least one');
    const { href } = publicUrl(place, 'resource', resource);
    if (href !== resource) throw invalid(`resource must read '${href}'`);
    const terms = issuers.map((each) => ({ ...each, audience: resource }));
    this.#tokens = new IssuedTokens(terms, place);
    this.#names = { read: scopes.read ?? 'tutti.read', run: scopes.run ?? 'tutti.run' };
    this.#isTakenBack = isTakenBack;
  }

  /** What the issuers call the scopes. */
  get names(): Readonly<Record<Scope, string>> {
    return this.#names;
  }

  /** @throws TOKEN_REFUSED · TOKEN_UNCHECKED while its issuer's keys cannot be fetched */
  async check(token: string): Promise<Caller> {
    const { issuer, payload } = await this.#tokens.check(token);
    const { jti } = payload;
    if (jti !== undefined && (await this.#isTakenBack(issuer, jti)))
      throw refusedToken('it was taken back');
    return this.#callerOf(issuer, payload);
  }

  #callerOf(issuer: string, payload: JWTPayload): Caller {
    const { sub = '', client_id: clientId = payload.azp, jti, exp = 0 } = payload;
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
      proof: { kind: 'token', issuer, id: jti ?? null, expiresAt: new Date(exp * 1_000) },
    };
  }
}

function invalid(what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `${place}: ${what}.`);
}

/** RFC 9068, section 2.2.3: names with spaces between; some issuers write `scp`, some a list. */
function scopesIn({ scope, scp }: JWTPayload): readonly string[] {
  const claim = scope ?? scp;
  if (Array.isArray(claim)) return claim.map(String);
  return typeof claim === 'string' ? claim.split(' ') : [];
}
