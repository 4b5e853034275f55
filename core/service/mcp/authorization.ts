import type { Request, RequestHandler, Response } from 'express';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { McpServe } from '../../ports/mcp/config.ts';
import { type Caller, operator, type Scope } from './caller.ts';
import { Tokens } from './tokens.ts';

/** What a message needs; null: any scope will do. */
export type NeededBy = (message: unknown) => Scope | null;

const wellKnown = '/.well-known/oauth-protected-resource';

/** Who may call: programs of this machine, or with `serve` whoever has a token for it, and then nobody without. */
export class Authorization {
  readonly #tokens: Tokens | null;
  /** The public address; none: this machine alone. */
  readonly resource: URL | undefined;

  /** @throws CONFIG_INVALID */
  constructor(serve: McpServe | undefined) {
    this.#tokens = serve ? new Tokens(serve) : null;
    this.resource = serve && new URL(serve.resource);
    this.#serve = serve;
  }

  readonly #serve: McpServe | undefined;

  /** Where the metadata of the protected resource is (RFC 9728, section 3.1). */
  get metadataPath(): string {
    const path = this.resource?.pathname ?? '/mcp';
    return `${wellKnown}${path === '/' ? '' : path}`;
  }

  /** Says who issues tokens for this server, so that a client without one knows where to go. */
  readonly answerMetadata: RequestHandler = (_request, response, next) => {
    if (!this.#serve || !this.#tokens) return next();
    response.json({
      resource: this.#serve.resource,
      authorization_servers: this.#serve.issuers.map(({ issuer }) => issuer),
      scopes_supported: Object.values(this.#tokens.names),
      bearer_methods_supported: ['header'],
      resource_name: 'Tutti',
    });
  };

  /** Finds out who calls; whoever has no good token is told after their requests are counted. */
  readonly identify: RequestHandler = async (request, response, next) => {
    response.locals.caller = this.#tokens
      ? await callerOf(this.#tokens, request).catch((error: unknown) => error)
      : operator;
    next();
  };

  /** Refuses whoever may not do what a request asks. @throws TOKEN_REFUSED · TOKEN_UNCHECKED · SCOPE_MISSING */
  readonly admit =
    (neededBy: NeededBy): RequestHandler =>
    (request, response, next) => {
      const known: unknown = response.locals.caller;
      if (!isCaller(known)) throw this.#challenged(response, known);
      const missing = missingOf(request.body, known, neededBy);
      if (missing.length === 0) return next();
      const scope = missing.map((each) => this.#tokens?.names[each]).join(' ');
      this.#challenge(response, { error: 'insufficient_scope', scope });
      throw new EngineError('SCOPE_MISSING', `This needs a token with the scope '${scope}'.`);
    };

  #challenged(response: Response, error: unknown): unknown {
    if (!isEngineError(error) || error.code !== 'TOKEN_REFUSED') return error;
    const { read, run } = this.#tokens?.names ?? {};
    const isNone = error.details?.none === true;
    const challenge = { ...(!isNone && { error: 'invalid_token' }), scope: `${read} ${run}` };
    this.#challenge(response, challenge);
    return error;
  }

  /** RFC 6750, section 3, with the metadata's address by RFC 9728, section 5.1. */
  #challenge(response: Response, parameters: Readonly<Record<string, string>>): void {
    const metadata = new URL(this.metadataPath, this.resource).href;
    const all = Object.entries({ ...parameters, resource_metadata: metadata });
    const text = all.map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '')}"`);
    response.set('WWW-Authenticate', `Bearer ${text.join(', ')}`);
  }
}

/** The caller of a request that was let in. */
export function admitted({ locals }: Response): Caller {
  return locals.caller as Caller;
}

/** By whom a request is counted: the caller, or the address of whoever is none. */
export function countedAs({ socket }: Request, { locals }: Response): string {
  const known: unknown = locals.caller;
  return isCaller(known) ? `caller ${known.id}` : (socket.remoteAddress ?? '');
}

function isCaller(known: unknown): known is Caller {
  return !(known instanceof Error) && known !== undefined;
}

/** @throws TOKEN_REFUSED · TOKEN_UNCHECKED */
async function callerOf(tokens: Tokens, { headers }: Request): Promise<Caller> {
  const token = /^Bearer ([\w\-.~+/]+=*)$/i.exec(headers.authorization ?? '')?.[1];
  if (token !== undefined) return await tokens.check(token);
  const message = 'A request needs a bearer token in its header Authorization.';
  throw new EngineError('TOKEN_REFUSED', message, { details: { none: true } });
}

/** What a caller lacks for a request; clients of 2025-03-26 may send several messages at once. */
function missingOf(body: unknown, { scopes }: Caller, neededBy: NeededBy): readonly Scope[] {
  if (scopes.size === 0) return ['read'];
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  const needed = messages.flatMap((message) => neededBy(message) ?? []);
  return [...new Set(needed)].filter((scope) => !scopes.has(scope));
}
