import type { Request } from 'express';
import { isLoopback } from '../../base/loopback.ts';

/** What proxies add to what they hand on. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/** Whether a proxy has handed a request on, for whomever. */
export function isProxied({ headers }: Request): boolean {
  return proxyHeaders.some((name) => headers[name] !== undefined);
}

/** Whether a program of this machine asks: a proxy that runs here passes on what strangers ask. */
export function isFromHere(request: Request): boolean {
  return isLoopback(request.socket.remoteAddress ?? '') && !isProxied(request);
}
