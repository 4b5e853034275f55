import { once } from 'node:events';
import { connect } from 'node:net';

/** A client that sends a begin, and then a character every now and then. */
export interface Drip {
  readonly port: number;
  /** Empty: it says nothing at all. */
  readonly begin: string;
  /** @default 100 */
  readonly everyMs?: number;
  /** Its own address, one of 127.0.0.0/8. @default 127.0.0.1 */
  readonly localAddress?: string;
}

/** What it was told in the end, and when, ms from its connection. */
export interface Cut {
  readonly said: string;
  readonly afterMs: number;
}

/** The begin of a head that never ends. */
export const headOf = (port: number): string =>
  `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-A: `;

/** A head, with a body to follow that never ends. */
export const bodyOf = (port: number): string =>
  `POST /v1/runs HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;

/** Drips until it is cut off. @throws when it gets no connection */
export async function drip({ port, begin, everyMs = 100, localAddress }: Drip): Promise<Cut> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ...(localAddress !== undefined && { localAddress }),
  });
  await once(socket, 'connect');
  const from = performance.now();
  let said = '';
  socket.on('error', () => {});
  socket.setEncoding('utf8').on('data', (some: string) => {
    said += some;
  });
  socket.write(begin);
  const dripping = setInterval(() => begin !== '' && socket.write('x'), everyMs);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  return { said, afterMs: performance.now() - from };
}
