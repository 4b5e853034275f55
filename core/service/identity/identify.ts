import type { Request, RequestHandler } from 'express';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Identity } from './identity.ts';
import { localOwner, type Principal } from './principal.ts';
import type { Known } from './proof.ts';
import { isFromHere } from './proxied.ts';
import { clearSessionCookie, demandOwnPage, sessionCookieOf } from './session-cookie.ts';

/** What callers are known by. */
export interface IdentifyParts {
  /** Whom callers of this machine speak for. */
  readonly tenantId: number;
  /** @default nobody's keys and tokens count */
  readonly identity?: Identity;
  /** Whether callers of this machine need a key as well. */
  readonly keysOnly: boolean;
}

/** Who calls; `proof` is null for the person at this machine. */
type Caller = Known | { readonly principal: Principal; readonly proof: null };

const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Finds out who calls, and puts them into `response.locals.principal`, and what they were let in by into `response.locals.proof`; why somebody
 * is nobody goes into `response.locals.refusal`, for routes that need somebody. A key, a token or a session that is wrong is refused: it
 * never makes its bearer the person at this machine.
 */
export function identify(parts: IdentifyParts): RequestHandler {
  return async (request, response, next) => {
    try {
      Object.assign(response.locals, await callerOf(parts, request));
    } catch (error) {
      response.locals.refusal = error;
      // Else whoever needs no key here could not get rid of it.
      if (isEngineError(error) && error.code === 'SESSION_ENDED') clearSessionCookie(response);
    }
    next();
  };
}

async function callerOf(
  { tenantId, identity, keysOnly }: IdentifyParts,
  request: Request,
): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    if (identity) return identity.knownBy(authorization, request.ip ?? '');
    throw new EngineError('UNAUTHENTICATED', 'This process knows neither keys nor tokens.');
  }
  const cookie = identity ? await sessionCookieOf(request) : null;
  if (identity && cookie !== null) return bySession(identity, request, cookie);
  if (keysOnly || !isFromHere(request)) throw unknownCaller();
  return { principal: identity ? await identity.local() : localOwner(tenantId), proof: null };
}

async function bySession(identity: Identity, request: Request, cookie: string): Promise<Known> {
  const known = await identity.knownBySession(cookie, request.ip ?? '');
  const { proof } = known;
  if (proof.kind === 'session' && !safeMethods.includes(request.method))
    demandOwnPage(request, proof);
  return known;
}

function unknownCaller(): EngineError {
  return new EngineError(
    'UNAUTHENTICATED',
    'Nobody is known by this request; send an API key as: Authorization: Bearer tutti_…',
    { details: { none: true } },
  );
}
