import type { Clock } from '../../base/clock.ts';

/** Where an adapter's calls go, and with which key. */
export interface Connection {
  /** OpenTelemetry's `gen_ai.provider.name`, and how errors name the provider. */
  readonly provider: string;
  readonly baseUrl: string;
  /** Scheme, host and port of `baseUrl`: what errors may show. */
  readonly origin: string;
  readonly apiKey: string;
  /** The environment variable that a person must set when the key is refused. */
  readonly apiKeyEnv: string;
  readonly clock: Clock;
}

/** Opens a client on its first use; calls with the same base URL and key share it, and with it the SDK's import. */
export function shareClients<C>(
  open: (connection: Connection) => Promise<C>,
): (connection: Connection) => Promise<C> {
  const clients = new Map<string, Promise<C>>();
  return (connection) => {
    const key = `${connection.baseUrl}\n${connection.apiKey}`;
    const client = clients.get(key) ?? open(connection);
    clients.set(key, client);
    return client;
  };
}
