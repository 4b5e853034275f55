import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { type ServerReply, streamEvents } from './model-stream.ts';
import { type ModelApi, type ModelCallSeen, readRequest } from './model-wire.ts';

/** One request that has been read, and the bytes that go back: nothing is sent that a script does not send. */
export interface Wire {
  readonly socket: Socket;
  readonly seen: ModelCallSeen;
  /** The server-sent events of a whole reply, in the format that was asked for. */
  readonly events: readonly string[];
  /** A response's head; its body is chunked unless a header says otherwise. */
  head(status?: number, headers?: Readonly<Record<string, string>>): void;
  /** One chunk of a chunked body. */
  chunk(text: string): void;
  /** The end of a chunked body; the connection may be used again. */
  end(): void;
  /** A reset (RST) once everything so far has left. */
  reset(): void;
}

/** What a server does with each request. */
export type WireScript = (wire: Wire) => void | Promise<void>;

export interface FaultServer {
  readonly url: string;
  readonly baseUrl: (api: ModelApi) => string;
  readonly calls: readonly ModelCallSeen[];
  /** Connections that are open. */
  readonly open: number;
  close(): Promise<void>;
}

/** A server on a bare TCP socket of 127.0.0.1: what breaks below HTTP breaks here as it does in a network. */
export async function startFaultServer(
  script: WireScript,
  reply: ServerReply = { text: '{"verdict":"matched"}' },
): Promise<FaultServer> {
  const sockets = new Set<Socket>();
  const calls: ModelCallSeen[] = [];
  // Half-open sockets stay: a script ends its side itself.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.once('error', () => socket.destroy());
    socket.once('end', () => socket.end());
    readRequests(socket, (seen) => {
      calls.push(seen);
      const wire = toWire(socket, seen, streamEvents(seen, reply));
      Promise.resolve(script(wire)).catch(() => socket.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    baseUrl: (api) => (api === 'anthropic' ? url : `${url}/v1`),
    calls,
    get open() {
      return sockets.size;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function readRequests(socket: Socket, take: (seen: ModelCallSeen) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    const headEnd = received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const [first = '', ...lines] = received.subarray(0, headEnd).toString().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const [name = '', value = ''] = line.split(/: ?(.*)/s);
        return [name.toLowerCase(), value] as const;
      }),
    );
    const bodyEnd = headEnd + 4 + Number(headers['content-length'] ?? 0);
    if (received.length < bodyEnd) return;
    const text = received.subarray(headEnd + 4, bodyEnd).toString();
    received = received.subarray(bodyEnd);
    const seen = readRequest({ url: first.split(' ')[1], headers } as never, text);
    if (seen) take(seen);
    else socket.destroy();
  });
}

function toWire(socket: Socket, seen: ModelCallSeen, events: readonly string[]): Wire {
  return {
    socket,
    seen,
    events,
    head(status = 200, headers = {}) {
      const isChunked = !('content-length' in headers || 'connection' in headers);
      const all = {
        'content-type': status < 400 ? 'text/event-stream' : 'application/json',
        date: new Date().toUTCString(),
        ...(isChunked && { 'transfer-encoding': 'chunked' }),
        ...headers,
      };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 ${status} Planted\r\n${lines.join('')}\r\n`);
    },
    chunk(text) {
      socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    },
    end() {
      socket.write('0\r\n\r\n');
    },
    reset() {
      socket.write('', () => socket.resetAndDestroy());
    },
  };
}

/** Sends a whole reply as a server should. */
export function sendWhole(wire: Wire, headers?: Readonly<Record<string, string>>): void {
  wire.head(200, headers);
  for (const event of wire.events) wire.chunk(event);
  wire.end();
}

/** A host that swallows attempts to connect: a listener that never accepts, with its queue full. */
export async function startBlackHole(): Promise<{ readonly port: number } & AsyncDisposable> {
  const thread = new Worker(
    `const { createServer } = require('node:net');
     const { parentPort } = require('node:worker_threads');
     const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       // In the same breath: whoever hears of the port before this stands still would be let in.
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port] = (await once(thread, 'message')) as [number];
  const { connect } = await import('node:net');
  const fillers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await once(fillers[0] as Socket, 'connect');
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      await thread.terminate();
    },
  };
}
