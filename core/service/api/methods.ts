import { Router } from 'express';
import { EngineError } from '../../base/errors.ts';
import type { Route } from './route.ts';

/** Answers what asks for a path that there is by a method that it does not have (RFC 9110, section 15.5.6). @throws METHOD_REFUSED */
export function refuseMethods(routes: readonly Route[]): Router {
  const router = Router();
  for (const [path, own] of Map.groupBy(routes, (route) => route.path)) {
    const allowed = own.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method]));
    const allow = allowed.join(', ').toUpperCase();
    router.all(path, (request, response) => {
      response.set('Allow', allow);
      throw new EngineError(
        'METHOD_REFUSED',
        `${request.path.slice(0, 200)} takes ${allow}, not ${request.method}.`,
      );
    });
  }
  return router;
}
