import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server';
import { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { largestBodyBytes, readJson } from '../api/body.ts';
import { refuseStranger } from '../api/loopback.ts';
import { limitRate, Rate } from '../api/rate.ts';
import { type Access, Authorization, admitted, countedAs, type NeededBy } from './authorization.ts';
import type { Caller } from './caller.ts';
import { offersOf } from './catalogue.ts';
import type { McpParts } from './parts.ts';
import { buildServer } from './server.ts';

/** What is served: the server of a caller, and what each message needs. */
export interface Served {
  build(caller: Caller): McpServer;
  readonly neededBy: NeededBy;
}

/** What the transport is made of. */
export type TransportParts = Pick<McpParts, 'serve' | 'closing' | 'onError'> &
  Access & {
    /** Requests of one caller. */
    readonly requestsPerMinute: number;
  };

/** `/mcp`: workflows, runs and tools for other systems, by the Model Context Protocol. @throws CONFIG_INVALID · MODULE_INVALID */
export function mcpRoutes(parts: McpParts & TransportParts): Router {
  const offers = offersOf(parts);
  return transportRoutes(parts, {
    build: (caller) => buildServer(parts, { offers: offers().values(), caller }),
    neededBy: (message) => {
      const { method, params } = (message ?? {}) as {
        readonly method?: unknown;
        readonly params?: { readonly name?: unknown };
      };
      if (method === 'tools/call') return offers().get(String(params?.name))?.scope ?? null;
      return String(method).startsWith('resources/') ? 'read' : null;
    },
  });
}

/**
 * Streamable HTTP for clients of both eras, without sessions: every request brings what proves its caller. In order: name and origin,
 * caller, rate, size, scope, and then the protocol.
 * @throws CONFIG_INVALID
 */
export function transportRoutes(parts: TransportParts, served: Served): Router {
  const authorization = new Authorization(parts.serve, parts);
  const handler = createMcpHandler(
    ({ authInfo }) => served.build(authInfo?.extra?.caller as Caller),
    { maxRequestBodySize: largestBodyBytes, onerror: () => {} },
  );
  parts.closing.addEventListener('abort', () => void handler.close(), { once: true });
  const serve = toNodeHandler(handler, {
    maxRequestBodySize: largestBodyBytes,
    onerror: parts.onError,
  });
  const answer: RequestHandler = (request, response) => {
    // Proxies that gather an answer would hold back its progress.
    response.set('X-Accel-Buffering', 'no');
    const extra = { caller: admitted(response) };
    // The token goes no further: nothing behind this line can hand it on.
    const auth = { token: '', clientId: extra.caller.id, scopes: [], extra };
    return serve(Object.assign(request, { auth }), response, request.body as unknown);
  };
  const router = Router();
  const rate = new Rate({ perMinute: parts.requestsPerMinute });
  const limit = limitRate((...of) => ({ client: countedAs(...of), rate }));
  const known: RequestHandler = (request, _response, next) => {
    if (parts.keysOnly) refuseOtherPages(request, authorization.resource);
    else refuseStranger(request, authorization.resource);
    next();
  };
  router.get(authorization.metadataPath, known, authorization.answerMetadata);
  router.all(
    '/mcp',
    ...[known, authorization.identify, limit],
    ...[authorization.refuseNobody, ...readJson],
    ...[authorization.admit(served.neededBy), authorization.watch, answer],
  );
  router.use('/mcp', refuseBody);
  return router;
}

/**
 * Where everybody needs a key this machine may have any name, but a page may call its own server alone: the protocol has every server
 * look (2025-11-25, transports, security warning). @throws ORIGIN_REFUSED
 */
function refuseOtherPages({ headers: { host = '', origin } }: Request, known?: URL): void {
  if (origin === undefined || origin.toLowerCase() === known?.origin) return;
  if (URL.canParse(origin) && new URL(origin).host === host.toLowerCase()) return;
  throw new EngineError(
    'ORIGIN_REFUSED',
    `Pages of '${origin.slice(0, 100)}' may not call this address; only its own may.`,
  );
}

/** What is no JSON, or too much of it, is answered in the words of JSON-RPC. */
// biome-ignore lint/complexity/useMaxParams: Express knows an error handler by its four parameters
const refuseBody: ErrorRequestHandler = (error, _request, response, next) => {
  const { status } = (error ?? {}) as { readonly status?: unknown };
  const isLarge = status === 413;
  if (isEngineError(error) || (status !== 400 && !isLarge)) return next(error);
  const message = isLarge ? 'The body is larger than 1 MB; send less.' : 'The body is no JSON.';
  const code = isLarge ? -32_000 : -32_700;
  response.status(isLarge ? 413 : 400).json({ jsonrpc: '2.0', error: { code, message }, id: null });
};
