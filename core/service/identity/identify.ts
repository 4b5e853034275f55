import type { Request, RequestHandler } from 'express';
import { EngineError } from '../../base/errors.ts';
import { isLoopback } from '../../base/loopback.ts';
import type { Identity } from './identity.ts';
import { localOwner, type Principal } from './principal.ts';

/** What callers are known by. */
export interface IdentifyParts {
  /** Whom callers of this machine speak for. */
  readonly tenantId: number;
  /** @default nobody's keys and tokens count */
  readonly identity?: Identity;
  /** Whether callers of this machine need a key as well. */
  readonly keysOnly: boolean;
}

/** What proxies add to what they hand on. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Finds out who calls, and puts them into `response.locals.principal`; why somebody is nobody goes into `response.locals.refusal`, for
 * routes that need somebody. A key or a token that is wrong is refused: it never makes its bearer the person at this machine.
 */
export function identify(parts: IdentifyParts): RequestHandler {
  return async (request, response, next) => {
    try {
      response.locals.principal = await callerOf(parts, request);
    } catch (error) {
      response.locals.refusal = error;
    }
    next();
  };
}

async function callerOf(
  { tenantId, identity, keysOnly }: IdentifyParts,
  request: Request,
): Promise<Principal> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    if (identity) return identity.principalOf(authorization, request.ip ?? '');
    throw new EngineError('UNAUTHENTICATED', 'This process knows neither keys nor tokens.');
  }
  if (keysOnly || !isFromHere(request)) throw unknownCaller();
  return identity ? await identity.local() : localOwner(tenantId);
}

/** Whether a program of this machine asks: a proxy that runs here passes on what strangers ask. */
function isFromHere({ socket, headers }: Request): boolean {
  return (
    isLoopback(socket.remoteAddress ?? '') &&
    proxyHeaders.every((name) => headers[name] === undefined)
  );
}

function unknownCaller(): EngineError {
  return new EngineError(
    'UNAUTHENTICATED',
    'Nobody is known by this request; send an API key as: Authorization: Bearer tutti_…',
    { details: { none: true } },
  );
}
