import {
  ClientCredentialsProvider,
  type FetchLike,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { EngineError } from '../../base/errors.ts';
import { leadsHere } from '../../base/loopback.ts';
import type { HttpServer } from './config.ts';
import { variable } from './environment.ts';
import { sized } from './message-size.ts';

/** Where requests to a server go through. */
export interface Ways {
  readonly env: NodeJS.ProcessEnv;
  /** For everything that is not on this machine, with the metadata and tokens of OAuth: lets nothing through to private addresses. */
  readonly fetch: FetchLike;
}

/** Opens the transport to a server elsewhere. @throws CONFIG_INVALID where a variable that it names is not set */
export function openRemote(
  server: HttpServer,
  { env, fetch }: Ways,
): StreamableHTTPClientTransport {
  const headers = { ...server.headers };
  for (const [name, from] of Object.entries(server.headersFrom ?? {}))
    headers[name] = variable(from, env);
  return new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers },
    fetch: async (url, init) => sized(await (server.loopback ? fetchLoopback : fetch)(url, init)),
    // A machine's credentials cannot be widened by asking again.
    onInsufficientScope: 'throw',
    ...(server.oauth && { authProvider: credentialsOf(server.oauth, env) }),
  });
}

/** Nothing but this machine: what answers there, OAuth's metadata too, cannot lead anywhere else. */
const fetchLoopback: FetchLike = async (url, init) => {
  const target = new URL(url);
  if (leadsHere(target)) return await fetch(target, init);
  throw new EngineError(
    'MCP_SERVER_FAILED',
    `An MCP server with loopback: true led to ${target.host}; it may lead to this machine only.`,
  );
};

/** Credentials go to the issuer that the configuration names and to no other, whatever the server says. */
function credentialsOf(
  { clientId, clientSecretFrom, scope, issuer }: NonNullable<HttpServer['oauth']>,
  env: NodeJS.ProcessEnv,
): ClientCredentialsProvider {
  return new ClientCredentialsProvider({
    ...{ clientId, clientSecret: variable(clientSecretFrom, env), clientName: 'Tutti' },
    ...(scope !== undefined && { scope }),
    expectedIssuer: issuer,
  });
}
