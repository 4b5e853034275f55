import type { Request, RequestHandler, Response } from 'express';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { EngineError } from '../../base/errors.ts';

const windowSeconds = 60;

/**
 * Counts each client's requests in windows of a minute and says so in the headers of
 * draft-ietf-httpapi-ratelimit-headers-11. `clientOf` tells clients apart, @default by their address. @throws RATE_LIMITED
 */
export function limitRate(
  requestsPerMinute: number,
  clientOf: (request: Request, response: Response) => string = addressOf,
): RequestHandler {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: windowSeconds });
  return async (request, response, next) => {
    response.set('RateLimit-Policy', `"perminute";q=${requestsPerMinute};w=${windowSeconds}`);
    let isWithin = true;
    // It rejects with the same object that it resolves with when a client has used its points up.
    const state = await limiter
      .consume(clientOf(request, response))
      .catch((refused: RateLimiterRes) => {
        isWithin = false;
        return refused;
      });
    const seconds = tellState(response, state);
    if (isWithin) return next();
    response.set('Retry-After', String(seconds));
    throw new EngineError(
      'RATE_LIMITED',
      `More than ${requestsPerMinute} requests in a minute; go on in ${seconds} s.`,
    );
  };
}

function addressOf({ socket }: Request): string {
  return socket.remoteAddress ?? '';
}

function tellState(response: Response, state: RateLimiterRes): number {
  const seconds = Math.max(1, Math.ceil(state.msBeforeNext / 1_000));
  response.set('RateLimit', `"perminute";r=${Math.max(0, state.remainingPoints)};t=${seconds}`);
  return seconds;
}
