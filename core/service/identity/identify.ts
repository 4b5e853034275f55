import type { RequestHandler } from 'express';
import { localOwner } from './principal.ts';

/**
 * Finds out who calls, and puts them into `response.locals.principal`. Without an identity of their own, callers of the loopback address are
 * the owner of this installation.
 */
export function identify(parts: { readonly tenantId: number }): RequestHandler {
  return (_request, response, next) => {
    response.locals.principal = localOwner(parts.tenantId);
    next();
  };
}
