import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type RequestHandler } from 'express';
import { systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { toVisible } from '../../base/text.ts';
import { identify } from '../identity/identify.ts';
import { mcpRoutes } from '../mcp/routes.ts';
import { refuseStrangers } from './loopback.ts';
import { mount } from './mount.ts';
import type { ApiParts, CompleteParts } from './parts.ts';
import { answerProblems, refuseUnknown } from './problem.ts';
import { limitRate } from './rate.ts';
import { agentRoutes } from './routes/agents.ts';
import { approvalRoutes } from './routes/approvals.ts';
import { authorityRoutes } from './routes/authority.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { costRoutes } from './routes/costs.ts';
import { effectRoutes } from './routes/effects.ts';
import { errorRoutes } from './routes/errors.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { healthRoutes } from './routes/health.ts';
import { limitRoutes } from './routes/limits.ts';
import { mcpServerRoutes } from './routes/mcp-servers.ts';
import { pageRoutes } from './routes/pages.ts';
import { planRoutes } from './routes/plans.ts';
import { resultRoutes } from './routes/results.ts';
import { runRoutes } from './routes/runs.ts';
import { stopRoutes } from './routes/stops.ts';
import { taskRoutes } from './routes/tasks.ts';
import { toolRoutes } from './routes/tools.ts';
import { undoRoutes } from './routes/undo.ts';
import { workflowRoutes } from './routes/workflows.ts';
import { routesOf } from './routes.ts';

export type { ApiParts } from './parts.ts';

const largestBodyBytes = 1_048_576;
/** What clients get to take their last answers. */
const closePatienceMs = 2_000;

/** Where the API listens. */
export interface ListenOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Loopback addresses only, while callers have no identity. @default 127.0.0.1 */
  readonly host?: '127.0.0.1' | '::1' | 'localhost';
}

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
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('json replacer', (_: string, value: unknown) =>
    typeof value === 'string' ? toVisible(value) : value,
  );
  if (parts.mcp) app.use(guardAnswers, mcpRoutes({ ...parts, ...parts.mcp }));
  app.use(guardAnswers, refuseStrangers);
  // Health is asked often and must answer under load.
  app.use(healthRoutes(parts));
  app.use(limitRate(parts.requestsPerMinute), express.json({ limit: largestBodyBytes }));
  app.use(identify(parts), mount(routesOf(parts), parts));
  app.use('/v1/runs', runRoutes(parts), eventRoutes(parts), explainRoutes(parts));
  if (parts.undo) app.use('/v1/runs', undoRoutes(parts, parts.undo));
  app.use('/v1', resultRoutes(parts));
  app.use('/v1/errors', errorRoutes(parts));
  if (parts.stops) app.use('/v1/stops', stopRoutes(parts, parts.stops));
  if (parts.authority) app.use('/v1', authorityRoutes(parts, parts.authority));
  if (parts.tools) app.use('/v1/tools', toolRoutes(parts, parts.tools));
  if (parts.versions) app.use('/v1/workflows', workflowRoutes(parts, parts.versions));
  if (parts.tasks) app.use('/v1/tasks', taskRoutes(parts, parts.tasks));
  if (parts.agents) app.use('/v1/agents', agentRoutes(parts, parts.agents));
  if (parts.planner) app.use('/v1/plans', planRoutes(parts, parts.planner));
  if (parts.costs) app.use('/v1/costs', costRoutes(parts, parts.costs));
  if (parts.budgets) app.use('/v1/budgets', budgetRoutes(parts, parts.budgets));
  if (parts.limits) app.use('/v1/limits', limitRoutes(parts.limits));
  if (parts.mcpServers) app.use('/v1/mcp/servers', mcpServerRoutes(parts.mcpServers));
  if (parts.approvals) app.use('/v1/approvals', approvalRoutes(parts, parts.approvals));
  if (parts.reviews) app.use('/v1/effects', effectRoutes(parts, parts.reviews));
  app.use(pageRoutes(parts));
  app.use(refuseUnknown, answerProblems(parts.onError));
  return app;
}

/** Opens the port. @throws PORT_TAKEN */
export async function listen(app: Express, options: ListenOptions): Promise<Listening> {
  const { port, host = '127.0.0.1' } = options;
  // A client that sends slowly is cut off; once a request is in, its answer may take as long as a stream does.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, app);
  server.listen({ port, host });
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

/** Before anything can fail: no answer is guessed at, kept, framed or embedded. */
const guardAnswers: RequestHandler = (_request, response, next) => {
  response.set({
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  });
  next();
};

function complete(options: ApiParts, closing: AbortSignal): CompleteParts {
  return {
    clock: systemClock,
    requestsPerMinute: 600,
    onError: () => {},
    runDefaults: () => ({ businessDate: new Date().toISOString().slice(0, 10), timeZone: 'UTC' }),
    ...options,
    closing,
  };
}
