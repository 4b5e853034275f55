/** A server on loopback that the guard of HTTP takes for one of the public internet: real sockets, real TLS, names of our own. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import type { HttpSeams } from '../../core/ports/http/connector.ts';

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');

// Valid for a hundred years, for the names below and nothing that exists.
const cert = fixture('public-server.crt.pem');
const key = fixture('public-server.key.pem');

/** Public, and of nobody whom tests reach: every connection ends on loopback. */
export const publicAddress = '93.184.216.34';

const names: Readonly<Record<string, readonly string[]>> = {
  'example.com': [publicAddress],
  'www.example.com': [publicAddress],
  'api.example.com': [publicAddress, '2606:2800:220:1:248:1893:25c8:1946'],
  'other.example': ['151.101.1.69'],
  'hooks.slack.com': ['151.101.2.1'],
};

/** What has arrived. */
export interface Arrived {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What is answered: as data, or by writing it. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  | ((response: ServerResponse) => void);

export interface PublicServer extends AsyncDisposable {
  readonly seams: HttpSeams;
  readonly requests: readonly Arrived[];
  /** The addresses of each connection, in order. */
  readonly connections: readonly (readonly string[])[];
}

/** Opens one that answers for all of its names. */
export async function openPublicServer(
  answer: (request: Arrived) => Answer,
  seams: Pick<HttpSeams, 'resolve' | 'env'> = {},
): Promise<PublicServer> {
  const requests: Arrived[] = [];
  const connections: (readonly string[])[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const body = Buffer.concat(chunks).toString();
      const arrived = { method, host: headers.host ?? '', path, headers, body };
      requests.push(arrived);
      reply(response, answer(arrived));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    requests,
    connections,
    seams: {
      resolve: resolveNames,
      ca: cert,
      connect: ({ addresses }) => {
        connections.push(addresses);
        return connect(port, '127.0.0.1');
      },
      ...seams,
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function resolveNames(hostname: string): Promise<readonly string[]> {
  const found = names[hostname];
  if (found) return found;
  throw Object.assign(new Error(`no ${hostname}`), { code: 'ENOTFOUND' });
}

function reply(response: ServerResponse, answer: Answer): void {
  if (typeof answer === 'function') {
    answer(response);
    return;
  }
  const { status = 200, headers = { 'content-type': 'text/plain' }, body = '' } = answer;
  response.writeHead(status, headers).end(body);
}
