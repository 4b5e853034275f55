import { z } from 'zod';
import { EngineError } from '../../core/base/errors.ts';
import { leadsHere } from '../../core/base/loopback.ts';
import type { McpServer } from '../../core/ports/mcp/config.ts';
import { mcpServersFrom } from '../../core/ports/mcp/servers.ts';

/** A server as mcp-use writes it, beside Tutti's own words for one (`envFrom`, `headersFrom`, `oauth`). */
export interface ClientServer {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a bearer token. */
  readonly authToken?: string;
  readonly auth_token?: string;
  readonly [more: string]: unknown;
}

/** What an `MCPClient` is made of. */
export interface ClientConfig {
  readonly mcpServers?: Readonly<Record<string, ClientServer>>;
  readonly [more: string]: unknown;
}

/** What a server could ask of a client, and ways to reach it, that are not offered. */
const refused = [
  ...['onSampling', 'samplingCallback', 'onElicitation', 'elicitationCallback', 'onNotification'],
  ...['authProvider', 'fetch'],
];
const known = z.looseObject({
  clientInfo: z.unknown().optional(),
  transport: z.unknown().optional(),
  preferSse: z.unknown().optional(),
  disableSseFallback: z.unknown().optional(),
  authToken: z.string().optional(),
  auth_token: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  url: z.string().optional(),
});

/** A server in Tutti's words. One on this machine may be without TLS. @throws CONFIG_INVALID */
export function toServer(name: string, given: unknown): McpServer {
  const parsed = known.safeParse(given);
  if (!parsed.success) throw invalid(name, z.prettifyError(parsed.error));
  const { clientInfo: _, transport, preferSse, disableSseFallback: __, ...rest } = parsed.data;
  const { authToken, auth_token: oldToken, headers, url, ...server } = rest;
  checkOffered(name, server);
  if (transport === 'sse' || preferSse === true) {
    throw invalid(name, 'the transport sse is not offered, for the protocol has dropped it');
  }
  const token = authToken ?? oldToken;
  const authorized =
    token === undefined ? headers : { ...headers, Authorization: `Bearer ${token}` };
  const isNear = url !== undefined && URL.canParse(url) && leadsHere(new URL(url));
  const written = {
    ...(isNear && { loopback: true }),
    ...server,
    ...(url !== undefined && { url }),
    ...(authorized && { headers: authorized }),
  };
  const read = mcpServersFrom({ mcpServers: { [name]: written } })[name];
  if (!read) throw invalid(name, 'it is disabled');
  return read;
}

/** @throws CONFIG_INVALID for what this client does not do, rather than doing without it */
export function checkOffered(name: string, given: Readonly<Record<string, unknown>>): void {
  const word = refused.find((each) => given[each] !== undefined);
  if (word) throw invalid(name, `${word} is not offered here`);
}

/** The servers of a configuration; those that are `disabled` are left out. @throws CONFIG_INVALID */
export function serversOf(config: unknown): ReadonlyMap<string, ClientServer> {
  const shape = z.looseObject({ mcpServers: z.record(z.string(), z.looseObject({})).optional() });
  const parsed = shape.safeParse(config);
  if (!parsed.success) {
    throw new EngineError(
      'CONFIG_INVALID',
      `The configuration of MCPClient is none: ${z.prettifyError(parsed.error)}`,
    );
  }
  checkOffered('all', parsed.data);
  const servers = Object.entries(parsed.data.mcpServers ?? {});
  return new Map(servers.filter(([, { disabled }]) => disabled !== true));
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `MCP server '${name.slice(0, 100)}': ${what}.`);
}
