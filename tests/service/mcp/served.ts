import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as FormerClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as FormerTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { agentsOf } from '../../../bin/parts/agents-of.ts';
import { mcpOf } from '../../../bin/parts/mcp-of.ts';
import { systemClock } from '../../../core/base/clock.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { Versions } from '../../../core/engine/versions/versions.ts';
import { type ApiParts, createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import type { McpOptions, McpParts } from '../../../core/service/mcp/parts.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';

/** Configuration of what is served. */
export const servedConfig: URL = new URL(
  '../../support/fixtures/mcp-served.config.ts',
  import.meta.url,
);

/** A whole Tutti that serves other systems, on a free port. */
export interface ServedMcp {
  readonly tutti: TestEngine;
  readonly tenantId: number;
  readonly server: Listening;
  readonly url: URL;
  /** What callers were not told. */
  readonly errors: readonly unknown[];
  close(context?: Mocha.Context): Promise<void>;
}

/** What the server of a Tutti is made of. */
export async function partsOf(
  { host, engine, history }: TestEngine,
  closing: AbortSignal = new AbortController().signal,
): Promise<McpParts> {
  const pool = host.database.pool('tutti_engine', 2);
  return {
    ...mcpOf(host, (own) => engine.startOwn(own)),
    ...{ history, engine, closing, registry: host.registry, clock: systemClock },
    tenantId: await host.store.tenant('ours'),
    versions: new Versions(host.store.definitions, host.registry),
    agents: agentsOf(host),
    approvals: new Approvals(pool),
    reviews: new Reviews(pool),
    runDefaults: () => ({ businessDate: '2026-06-30', timeZone: 'Europe/Berlin' }),
    onError: () => {},
  };
}

/** Opens Tutti with its MCP server. */
export async function serveMcpHere(
  options: Partial<Pick<McpOptions, 'serve'>> & Partial<Pick<ApiParts, 'requestsPerMinute'>> = {},
): Promise<ServedMcp> {
  const { serve, ...api } = options;
  const tutti = await openTestEngine(servedConfig);
  const errors: unknown[] = [];
  const { version, startOwn, record, policies, ...made } = await partsOf(tutti);
  const { serve: _, closing: __, clock: ___, ...parts } = made;
  const app = createApp({
    ...parts,
    engine: tutti.engine,
    mcp: { version, startOwn, record, policies, ...(serve && { serve }) },
    onError: (error) => errors.push(error),
    ...api,
  });
  const server = await listen(app, { port: 0 });
  return {
    ...{ tutti, tenantId: parts.tenantId, server, errors, url: new URL(`${server.url}/mcp`) },
    async close(context) {
      await server.close();
      await tutti.close(context);
    },
  };
}

/** A client of the 2026-07-28 protocol. */
export async function connect(url: URL, token?: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StreamableHTTPClientTransport(url, withToken(token)));
  return client;
}

/** A client of the release before, which speaks the 2025-11-25 protocol. */
export async function connectFormer(url: URL, token?: string): Promise<FormerClient> {
  const client = new FormerClient({ name: 'former', version: '1.0.0' });
  // Its declarations were not made for exact optional properties.
  const transport = new FormerTransport(url, withToken(token)) as unknown as Parameters<
    FormerClient['connect']
  >[0];
  await client.connect(transport);
  return client;
}

function withToken(token: string | undefined) {
  return token === undefined
    ? {}
    : { requestInit: { headers: { authorization: `Bearer ${token}` } } };
}

/** The data of a result; that of an error as well. */
export function dataOf<T = Record<string, unknown>>(result: unknown): T {
  return (result as { readonly structuredContent: T }).structuredContent;
}
