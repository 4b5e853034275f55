import type { Request, RequestHandler, Response } from 'express';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { McpServe } from '../../ports/mcp/config.ts';
import type { Identity } from '../identity/identity.ts';
import { isKeyText } from '../identity/key-text.ts';
import { isAllowed } from '../identity/principal.ts';
import type { Known } from '../identity/proof.ts';
import { isFromHere } from '../identity/proxied.ts';
import { type Caller, operator, type Scope } from './caller.ts';
import { type TakenBack, Tokens } from './tokens.ts';

/** What a message needs; null: any scope will do. */
export type NeededBy = (message: unknown) => Scope | null;

const wellKnown = '/.well-known/oauth-protected-resource';

/** Whose keys count, and of which tenant. */
export interface Access {
  /** Whom every caller speaks for. */
  readonly tenantId: number;
  /** @default nobody's keys count */
  readonly identity?: Identity | undefined;
  /** Whether programs of this machine need a key as well. @default false */
  readonly keysOnly?: boolean;
}

/** Who may call: programs of this machine, whoever has an API key, and with `serve` whoever has a token for it; with `serve` nobody without. */
export class Authorization {
  readonly #tokens: Tokens | null;
  /** The public address; none: this machine alone. */
  readonly resource: URL | undefined;

  /** @throws CONFIG_INVALID */
  constructor(serve: McpServe | undefined, access: Access) {
    this.#access = access;
    this.#tokens = serve ? new Tokens(serve, isTakenBack(access)) : null;
    this.resource = serve && new URL(serve.resource);
    this.#serve = serve;
  }

  readonly #serve: McpServe | undefined;
  readonly #access: Access;

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
    response.locals.caller = await this.#callerOf(request).catch((error: unknown) => error);
    next();
  };

  async #callerOf(request: Request): Promise<Caller> {
    const { identity, tenantId, keysOnly } = this.#access;
    const { authorization } = request.headers;
    const isOpen = !this.#tokens && !keysOnly;
    if (authorization === undefined && isOpen && isFromHere(request))
      return await this.#ofTenant(operator);
    const token = /^Bearer +([\w\-.~+/]+=*) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      const message = 'A request needs a bearer token in its header Authorization.';
      throw new EngineError('TOKEN_REFUSED', message, { details: { none: true } });
    }
    if (this.#tokens && !isKeyText(token))
      return await this.#ofTenant(await this.#tokens.check(token));
    if (!identity) throw new EngineError('TOKEN_REFUSED', 'This server knows no keys and tokens.');
    return keyCaller(await identity.knownBy(authorization ?? '', request.ip ?? ''), tenantId);
  }

  /** A caller who speaks for the tenant of this process, as long as that is let in. @throws TENANT_SUSPENDED · DB_* */
  async #ofTenant(caller: Caller): Promise<Caller> {
    await this.#access.identity?.local();
    return caller;
  }

  /** Ends an answer once its caller is let in no more: one that waits for a run may take an hour. */
  readonly watch: RequestHandler = (_request, response, next) => {
    const { identity, tenantId } = this.#access;
    const watching = identity?.watch.over({ tenantId, proof: admitted(response).proof });
    watching?.signal.addEventListener('abort', () => response.destroy(), { once: true });
    response.once('close', () => watching?.end());
    next();
  };

  /** Refuses whom nobody knows, before anything of the body is read. @throws TOKEN_REFUSED · TOKEN_UNCHECKED */
  readonly refuseNobody: RequestHandler = (_request, response, next) => {
    const known: unknown = response.locals.caller;
    if (!isCaller(known)) throw this.#challenged(response, known);
    next();
  };

  /** Refuses whoever may not do what a request asks. @throws SCOPE_MISSING */
  readonly admit =
    (neededBy: NeededBy): RequestHandler =>
    (request, response, next) => {
      const missing = missingOf(request.body, admitted(response), neededBy);
      if (missing.length === 0) return next();
      const scope = missing.map((each) => this.#tokens?.names[each] ?? each).join(' ');
      if (this.#tokens) this.#challenge(response, { error: 'insufficient_scope', scope });
      throw new EngineError('SCOPE_MISSING', `This needs a token with the scope '${scope}'.`);
    };

  #challenged(response: Response, error: unknown): unknown {
    if (!isEngineError(error) || error.status !== 401 || !this.#tokens) return error;
    const { read, run } = this.#tokens.names;
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
export function countedAs({ ip = '' }: Request, { locals }: Response): string {
  const known: unknown = locals.caller;
  return isCaller(known) ? `caller ${known.id}` : ip;
}

function isCaller(known: unknown): known is Caller {
  return !(known instanceof Error) && known !== undefined;
}

/** What a key may do here; one that may not touch all of the tenant is for the API, which knows what belongs to what. */
function keyCaller({ principal, proof }: Known, tenantId: number): Caller {
  const { id, actor, modules, companies } = principal;
  if (principal.tenantId !== tenantId || modules !== null || companies !== null)
    throw new EngineError(
      'SCOPE_MISSING',
      'This server speaks for one tenant as a whole; use a key of it that is not limited to modules or companies.',
    );
  const needed = { read: 'runs:read', run: 'runs:start' } as const;
  const scopes = (['read', 'run'] as const).filter((each) => isAllowed(principal, needed[each]));
  const onBehalfOf = actor.kind === 'person' ? [actor.id] : actor.onBehalfOf;
  const name = actor.kind === 'person' ? 'mcp' : `mcp:${actor.id}`;
  return {
    id,
    actor: { kind: 'agent', id: name, ...(onBehalfOf && { onBehalfOf }) },
    scopes: new Set(scopes),
    proof,
  };
}

/** Whether a token was taken back before it expires; nobody's are where identities are not kept. */
function isTakenBack({ identity, tenantId }: Access): TakenBack {
  return async (issuer, id) =>
    identity !== undefined && (await identity.denied.isDenied({ tenantId, issuer, id }));
}

/** What a caller lacks for a request; clients of 2025-03-26 may send several messages at once. */
function missingOf(body: unknown, { scopes }: Caller, neededBy: NeededBy): readonly Scope[] {
  if (scopes.size === 0) return ['read'];
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  const needed = messages.flatMap((message) => neededBy(message) ?? []);
  return [...new Set(needed)].filter((scope) => !scopes.has(scope));
}
