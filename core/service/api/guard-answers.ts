import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * Before anything can fail: no answer is guessed at, kept, framed, embedded or allowed to load anything. Whether callers come by TLS alone
 * (HSTS) is for the proxy to say that has the certificate.
 */
export const guardAnswers: readonly RequestHandler[] = [
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false,
  }),
  (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  },
];

const hourSeconds = 3_600;

/**
 * Lets pages of these origins read answers (CORS). What they ask, they ask with a key: no cookie and no other standing goes with it.
 */
export function letOrigins(origins: readonly string[]): RequestHandler {
  const answer = cors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match'],
      'Last-Event-ID',
    ],
    exposedHeaders: ['Location', 'ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Allow'],
    maxAge: hourSeconds,
  });
  return (request, response, next) => {
    // Not every OPTIONS is a browser's question before another request.
    const asksAlone =
      request.method === 'OPTIONS' && !request.headers['access-control-request-method'];
    return asksAlone ? next() : answer(request, response, next);
  };
}
