import type { Request } from 'express';

/** What proxies add to what they hand on. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/** Whether a proxy has handed a request on, for whomever. */
export function isProxied({ headers }: Request): boolean {
  return proxyHeaders.some((name) => headers[name] !== undefined);
}
