import { timingSafeEqual } from 'node:crypto';
import type { CookieOptions, Request, Response } from 'express';
import { EngineError } from '../../base/errors.ts';
import { loopbackHosts } from '../../base/loopback.ts';
import type { SessionProof } from './proof.ts';
import { isProxied } from './proxied.ts';

/** The cookie where there is TLS: a browser takes this name from such an origin alone, and no origin beside it can set or read it. */
export const sessionCookieName = '__Host-tutti';
/** The cookie on loopback without TLS, where browsers refuse the other name. */
const plainName = 'tutti';

/** What the session's cookie of a request holds; null: it has none. */
export async function sessionCookieOf(request: Request): Promise<string | null> {
  const { cookie } = request.headers;
  if (cookie === undefined) return null;
  // Loaded when the first browser comes.
  const { parseCookie } = await import('cookie');
  return parseCookie(cookie)[cookieFor(request).name] ?? null;
}

/** Gives a browser the cookie of a session. It is kept until the browser is closed; when the session ends, the server knows. */
export function setSessionCookie(response: Response, secret: string): void {
  const { name, options } = cookieFor(response.req);
  response.cookie(name, secret, options);
}

/** Takes it back. */
export function clearSessionCookie(response: Response): void {
  const { name, options } = cookieFor(response.req);
  response.clearCookie(name, options);
}

/**
 * Lets what changes something by a session's cookie pass only from a page of this installation that has the session's CSRF token: a browser
 * sends the cookie whoever makes it ask. @throws ORIGIN_REFUSED · CSRF_TOKEN_REFUSED
 */
export function demandOwnPage(request: Request, { csrfToken }: SessionProof): void {
  refuseOtherPages(request);
  const sent = Buffer.from(request.get('X-CSRF-Token') ?? '');
  const own = Buffer.from(csrfToken);
  if (sent.length === own.length && timingSafeEqual(sent, own)) return;
  throw new EngineError(
    'CSRF_TOKEN_REFUSED',
    'What a session changes needs its CSRF token in the header X-CSRF-Token; GET /v1/sessions/current has it.',
  );
}

/** @throws ORIGIN_REFUSED for what a page of another origin makes a browser ask */
export function refuseOtherPages(request: Request): void {
  const { origin } = request.headers;
  // Programs send neither header, browsers both (Fetch Metadata; RFC 6454, section 7).
  const site = request.get('Sec-Fetch-Site') ?? 'same-origin';
  const isOwn = origin === undefined || hostOf(origin) === request.host?.toLowerCase();
  if (isOwn && site === 'same-origin') return;
  throw new EngineError(
    'ORIGIN_REFUSED',
    `Pages of '${(origin ?? site).slice(0, 100)}' may not do this with a session; only those of this address may.`,
  );
}

function hostOf(origin: string): string | null {
  return URL.parse(origin)?.host ?? null;
}

function cookieFor(request: Request): { readonly name: string; readonly options: CookieOptions } {
  const isPlain =
    !request.secure && !isProxied(request) && loopbackHosts.includes(request.hostname ?? '');
  const options = { httpOnly: true, sameSite: 'strict', path: '/', secure: !isPlain } as const;
  return { name: isPlain ? plainName : sessionCookieName, options };
}
