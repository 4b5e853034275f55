import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import { systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { isLoopback } from '../../base/loopback.ts';
import { toVisible } from '../../base/text.ts';
import { identify } from '../identity/identify.ts';
import { mcpRoutes } from '../mcp/routes.ts';
import { readJsonOfKnown } from './body.ts';
import { boundConnections } from './connections.ts';
import { consoleRoutes } from './console.ts';
import { guardAnswers, letOrigins } from './guard-answers.ts';
import { refuseStrangers } from './loopback.ts';
import { refuseMethods } from './methods.ts';
import { mount } from './mount.ts';
import type { ApiParts, CompleteParts } from './parts.ts';
import { answerProblems, refuseUnknown } from './problem.ts';
import { countCallers, limitRate } from './rate.ts';
import { receiveHooks } from './routes/hooks.ts';
import { routesOf } from './routes.ts';

export type { ApiParts } from './parts.ts';

/** What clients get to take their last answers. */
const closePatienceMs = 2_000;

/** Connections that may wait to be taken; the system takes less where it allows less. Of a storm all are taken within a second. */
const backlog = 4_096;

/** Where the API listens. */
export interface ListenOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** One beyond this machine needs an API that lets nobody in without a key. @default 127.0.0.1 */
  readonly host?: string;
  /** How long clients may take, and how many they may be. @default 10 s, 30 s, 1 s, 8192 */
  readonly bounds?: Partial<ListenBounds>;
}

/** What keeps clients that send slowly, or open many connections, from being served alone. */
export interface ListenBounds {
  /** For the head of a request, from its connection or the request before. */
  readonly headMs: number;
  /** For a whole request. Its answer may take as long as a stream does. */
  readonly requestMs: number;
  /**
   * How often is looked at who is late: they are cut off at most that much later. All of them at once, at about 0.1 ms each, while
   * everybody else waits: 6,000 of a storm that began within a few seconds keep others waiting for less the oftener it is.
   */
  readonly checkMs: number;
  /** Open at once. At 20 KB each 8,192 are a fraction of what a process has. @see boundConnections for what becomes of further ones */
  readonly connections: number;
}

const usualBounds: ListenBounds = {
  ...{ headMs: 10_000, requestMs: 30_000, checkMs: 1_000, connections: 8_192 },
};

/** An API that listens. */
export interface Listening {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** Ends event streams, answers what has been asked, then ends. Safe to call twice. */
  close(): Promise<void>;
}

/** The admin API: JSON, server-sent events and the report pages, for programs of this machine. */
export function createApp(options: ApiParts): Express {
  const app = express();
  const closing = new AbortController();
  app.locals.closing = closing;
  const parts = complete(options, closing.signal);
  app.locals.keysOnly = parts.keysOnly;
  app.set('trust proxy', parts.api.proxies ?? 0);
  app.disable('etag');
  app.set('json replacer', (_: string, value: unknown) =>
    typeof value === 'string' ? toVisible(value) : value,
  );
  app.use(...guardAnswers);
  if (parts.mcp) app.use(mcpRoutes({ ...parts, ...parts.mcp }));
  if (parts.hooks) app.use(receiveHooks(parts.hooks));
  if (parts.api.cors?.length) app.use(letOrigins(parts.api.cors));
  app.use(refuseStrangers(parts));
  if (parts.console) app.use(consoleRoutes(parts.console));
  const routes = routesOf(parts);
  // Health is asked often and must answer under load.
  const uncounted = routes.filter((route) => route.isUncounted);
  const counted = routes.filter((route) => !route.isUncounted);
  app.use(mount(uncounted, parts));
  const usual = { perMinute: parts.requestsPerMinute };
  app.use(identify(parts), limitRate(countCallers({ usual, ...parts.api.rates })));
  app.use(...readJsonOfKnown, mount(counted, parts));
  app.use(refuseMethods(routes), refuseUnknown, answerProblems(parts.onError, parts.scrub));
  return app;
}

/** Opens the port. @throws PORT_TAKEN · CONFIG_INVALID for an address beyond this machine where callers need no key */
export async function listen(app: Express, options: ListenOptions): Promise<Listening> {
  const { port, host = '127.0.0.1' } = options;
  if (!isLoopback(host) && app.locals.keysOnly !== true)
    throw new EngineError(
      'CONFIG_INVALID',
      `The API listens on '${host}' only when everybody needs a key: set api: { keysOnly: true }.`,
    );
  const bounds = { ...usualBounds, ...options.bounds };
  const server = createServer(
    {
      headersTimeout: bounds.headMs,
      requestTimeout: bounds.requestMs,
      connectionsCheckingInterval: bounds.checkMs,
    },
    app,
  );
  boundConnections(server, bounds.connections);
  server.listen({ port, host, backlog });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw portError(error as NodeJS.ErrnoException, port);
  }
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () => close(server, app.locals.closing as AbortController),
  };
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const cancel = systemClock.after(closePatienceMs, () => server.closeAllConnections());
  await closed;
  cancel();
}

function portError(error: NodeJS.ErrnoException, port: number): EngineError {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
    return new EngineError('INTERNAL', `The API cannot listen: ${error.message}.`, {
      cause: error,
    });
  }
  const reason = error.code === 'EACCES' ? 'needs rights that this user lacks' : 'is in use';
  return new EngineError('PORT_TAKEN', `Port ${port} ${reason}; choose another with --port.`, {
    cause: error,
  });
}

function complete(options: ApiParts, closing: AbortSignal): CompleteParts {
  return {
    clock: systemClock,
    requestsPerMinute: 600,
    api: {},
    onError: () => {},
    runDefaults: () => ({ businessDate: new Date().toISOString().slice(0, 10), timeZone: 'UTC' }),
    ...options,
    keysOnly: options.api?.keysOnly === true,
    closing,
  };
}
