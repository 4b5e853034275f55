import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

/** A certificate that a company would make itself, for `localhost` and nothing else: nobody trusts it who is not told to. Valid for a hundred years. */
export const ownCertificate: string = fixture('own-host.crt.pem');
/** Its key. */
export const ownKey: string = fixture('own-host.key.pem');

/** Ends TLS before a server that speaks in clear, as a proxy does. */
export interface TlsFront extends AsyncDisposable {
  /** `https://localhost:port` */
  readonly url: string;
  /** Connections that came so far. */
  readonly connections: number;
}

/** Opens one before a port of this machine. */
export async function openTlsFront(port: number): Promise<TlsFront> {
  let connections = 0;
  const open = new Set<Socket>();
  const keys = { cert: readFileSync(ownCertificate), key: readFileSync(ownKey) };
  const server = createServer(keys, (caller) => {
    connections += 1;
    const behind = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [caller, behind],
      [behind, caller],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one) && other.destroy());
      one.pipe(other);
    }
  });
  // Who comes and has not yet greeted keeps the server open, too.
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  // Who does not trust the certificate hangs up.
  server.on('tlsClientError', () => {});
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
