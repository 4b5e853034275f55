import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * A server that speaks PostgreSQL's protocol (version 3, simple queries only) far enough to say that it is version 14.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export async function startOldPostgres(): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int32(0)), ready]));
      socket.on('data', (data) => answer(socket, data));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgresql://tutti@127.0.0.1:${(server.address() as AddressInfo).port}/tutti`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function answer(socket: Socket, data: Buffer): void {
  if (data.toString('latin1', 0, 1) !== 'Q') return;
  const rows = data.includes('server_version_num') ? [described, row] : [];
  socket.write(Buffer.concat([...rows, message('C', text('SELECT 1')), ready]));
}

const columns = [
  { name: 'version', type: 23, value: '140012' },
  { name: 'encoding', type: 25, value: 'UTF8' },
  { name: 'now', type: 1184, value: '2026-06-30 00:00:00+00' },
  { name: 'migrated', type: 16, value: 'f' },
];
const ready = message('Z', Buffer.from('I'));
const described = message(
  'T',
  int16(columns.length),
  ...columns.flatMap(({ name, type }) => [
    text(name),
    int32(0),
    int16(0),
    int32(type),
    int16(-1),
    int32(-1),
    int16(0),
  ]),
);
const row = message(
  'D',
  int16(columns.length),
  ...columns.flatMap(({ value }) => [int32(value.length), Buffer.from(value)]),
);

function message(kind: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
