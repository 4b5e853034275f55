import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Egress } from './egress.ts';

/** How the network is reached; what is left out is the real one. */
export interface HttpSeams {
  /** All addresses of a host name. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** TCP to the first of these addresses that answers. */
  readonly connect?: (target: HttpTarget) => Socket;
  /** Certificates to trust, PEM. @default those that Node trusts */
  readonly ca?: string;
  /** Where secrets come from. @default the process's environment */
  readonly env?: NodeJS.ProcessEnv;
  /** For name, connection and TLS together, milliseconds. @default 5000 */
  readonly connectMs?: number;
  /** For a request of a tool with its redirects and the whole of its answer, milliseconds. @default 30000 */
  readonly totalMs?: number;
}

/** What a connection is made to: addresses that have been checked. */
export interface HttpTarget {
  readonly addresses: readonly string[];
  readonly port: number;
}

/**
 * The only way to a socket: a name is looked up once for each connection, all that it leads to is checked, and the connection goes
 * to those very addresses, so that no second answer of the name's server counts.
 */
export function guardedConnector(
  egress: Egress,
  { resolve = resolveAll, connect = connectPinned, ca, connectMs = 5_000 }: HttpSeams,
): buildConnector.connector {
  const dial = async ({ hostname, protocol, port }: buildConnector.Options): Promise<Socket> => {
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    const isTls = protocol === 'https:';
    const origin = new URL(`${protocol}//${isIP(host) === 6 ? `[${host}]` : host}:${port}`).origin;
    const signal = AbortSignal.timeout(connectMs);
    const found = isIP(host) === 0 ? await within(signal, resolve(host)) : [host];
    const addresses = egress.checkAddresses(origin, found);
    const socket = connect({ addresses, port: Number(port || (isTls ? 443 : 80)) });
    await ready(socket, 'connect', signal);
    if (!isTls) return socket;
    // No server name for an address: RFC 6066, section 3.
    const servername = isIP(host) === 0 ? host : '';
    const secure = connectTls({ socket, host, servername, ...(ca !== undefined && { ca }) });
    await ready(secure, 'secureConnect', signal);
    return secure;
  };
  return (options, callback) => {
    dial(options).then(
      (socket) => callback(null, socket.setNoDelay(true)),
      (error: unknown) => callback(unreachable(options.hostname, error), null),
    );
  };
}

async function resolveAll(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/** Connects to one of the addresses, whichever family answers first. */
function connectPinned({ addresses, port }: HttpTarget): Socket {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_, options, callback) => {
    const [first] = answers;
    if (options.all) callback(null, answers);
    else if (first) callback(null, first.address, first.family);
  };
  return connectTcp({ host: 'checked.invalid', port, lookup, autoSelectFamily: true });
}

/** Waits until a socket can be used; one that cannot is closed. */
async function ready(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  // An error between this and its next reader has no one else to hear it.
  socket.on('error', () => undefined);
  try {
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([work, late]);
}

function unreachable(hostname: string, error: unknown): EngineError {
  if (isEngineError(error)) return error;
  return new EngineError(
    'HTTP_FAILED',
    `'${hostname}' cannot be reached (${faultOf(error)}); nothing was sent.`,
    { cause: error, details: { sent: false } },
  );
}

/** What is wrong with a connection, in a word: its code, or that it took too long. */
export function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (['TimeoutError', 'AbortError'].includes(error.name)) return 'too late';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause instanceof Error ? faultOf(error.cause) : error.name;
}
