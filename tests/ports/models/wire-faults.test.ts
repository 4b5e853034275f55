import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { EngineError, ErrorCode } from '../../../core/base/errors.ts';
import type { ModelDeadlines } from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type FaultServer,
  startBlackHole,
  startFaultServer,
  type Wire,
  type WireScript,
} from '../../support/fault-server.ts';
import { aRequest, failureOf, key, providers } from './adapter.ts';

// What no deadline below allows: a call that ends later hangs.
const graceMs = 20_000;

/** Sends one byte each 5 ms until the other side leaves. */
function drip({ socket }: Wire, bytes: string): void {
  let sent = 0;
  const timer = setInterval(() => socket.write(bytes[sent++ % bytes.length] ?? ''), 5);
  socket.once('close', () => clearInterval(timer));
}

const half = ({ events }: Wire) => events.slice(0, Math.ceil(events.length / 2)).join('');

/** Catalogue C2: what breaks, what the call ends with, and the deadline that must end it (none: the break itself does). */
const faults: readonly {
  readonly what: string;
  readonly script: WireScript;
  readonly code: ErrorCode;
  readonly deadlines?: ModelDeadlines;
}[] = [
  { what: 'a reset before the head', script: (wire) => wire.reset(), code: 'MODEL_UNAVAILABLE' },
  {
    what: 'a reset in the head',
    script: (wire) => {
      wire.socket.write('HTTP/1.1 200 O');
      wire.reset();
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a reset after the head',
    script: (wire) => {
      wire.head();
      wire.reset();
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a reset in the middle of a chunk',
    script: (wire) => {
      wire.head();
      wire.chunk(half(wire));
      wire.socket.write('400\r\ndata: {"type":"respon');
      wire.reset();
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a side that closes in the middle of a chunked body',
    script: (wire) => {
      wire.head();
      wire.chunk(half(wire));
      wire.socket.end();
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a side that closes where only the close ends the body',
    script: (wire) => {
      wire.head(200, { connection: 'close' });
      wire.socket.end(half(wire));
    },
    code: 'MODEL_REPLY_INVALID',
  },
  {
    what: 'a body shorter than it said',
    script: (wire) => {
      wire.head(200, { 'content-length': '100000' });
      wire.socket.end(half(wire));
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a body that is not packed as it says',
    script: (wire) => {
      wire.head(200, { 'content-encoding': 'gzip', connection: 'close' });
      wire.socket.end(wire.events.join(''));
    },
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a server that speaks no HTTP',
    script: ({ socket }) => void socket.end('220 mail.example ESMTP\r\n'),
    code: 'MODEL_UNAVAILABLE',
  },
  {
    what: 'a head that comes byte by byte',
    script: (wire) => drip(wire, 'HTTP/1.1 200 OK\r\nx-filler: '.padEnd(100_000, 'x')),
    code: 'MODEL_UNAVAILABLE',
    deadlines: { firstByteMs: 100 },
  },
  {
    what: 'a body that comes byte by byte',
    script: (wire) => {
      wire.head(200, { connection: 'close' });
      drip(wire, `${half(wire)}: ${'x'.repeat(100_000)}`);
    },
    code: 'MODEL_UNAVAILABLE',
    deadlines: { idleMs: 30_000, totalMs: 150 },
  },
];

for (const provider of providers) {
  describe(`a network that fails the ${provider} adapter`, () => {
    let server: FaultServer | undefined;

    afterEach(async () => {
      await server?.close();
      server = undefined;
    });

    /** What a call to `baseUrl` fails with; it must fail in time. */
    async function fail(baseUrl: string, deadlines: ModelDeadlines = {}): Promise<EngineError> {
      const target = { provider, model: 'test-model', baseUrl, apiKeyEnv: 'K' };
      const startedAt = performance.now();
      const error = await failureOf(
        openModel(target, { K: key }).call(aRequest(), {
          signal: new AbortController().signal,
          ...deadlines,
        }),
      );
      const endedMs = performance.now() - startedAt;
      const allowedMs = Math.min(...Object.values(deadlines), graceMs) + graceMs;
      assert.ok(endedMs < allowedMs, `it ended after ${endedMs} ms`);
      assert.doesNotMatch(JSON.stringify([error.message, error.details]), /0123456789/);
      return error;
    }

    for (const { what, script, code, deadlines } of faults) {
      it(`ends with ${code} on ${what}`, async () => {
        server = await startFaultServer(script);

        const error = await fail(server.baseUrl(provider), deadlines);

        assert.equal(error.code, code, error.message);
        if (deadlines) {
          const { connectMs: _, ...ours } = deadlines;
          assert.equal(error.details?.timeoutMs, Math.min(...Object.values(ours)));
        }
        // A deadline of ours may end a call before a busy machine has sent it.
        assert.ok(server.calls.length === 1 || (deadlines && server.calls.length === 0));
        await eventually(() => server?.open === 0);
      });
    }

    it('gives up on a host that swallows connections', async () => {
      await using hole = await startBlackHole();

      const error = await fail(`http://127.0.0.1:${hole.port}`, { connectMs: 80 });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(error.details, { timeoutMs: 80 });
      assert.match(error.message, /connected within 80 ms/);
    });

    it('gives up on a host that does not answer the greeting of TLS', async () => {
      await using mute = await listen(() => {});

      const error = await fail(`https://127.0.0.1:${mute.port}`, { connectMs: 80 });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(error.details, { timeoutMs: 80 });
    });

    it('names what was wrong with TLS', async () => {
      await using plain = await listen((socket) => void socket.end('220 mail.example ESMTP\r\n'));

      const error = await fail(`https://127.0.0.1:${plain.port}`);

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, /SSL|TLS|EPROTO/);
    });

    it('names a host that nobody knows', async () => {
      const error = await fail('http://nowhere.invalid', { connectMs: 2_000 });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, /ENOTFOUND|EAI_AGAIN|connected within/);
    });

    it('allows an answer that takes longer than connecting may', async () => {
      server = await startFaultServer(async (wire) => {
        await new Promise((resolve) => setTimeout(resolve, 600));
        wire.head();
        for (const event of wire.events) wire.chunk(event);
        wire.end();
      });
      const target = { provider, model: 'm', baseUrl: server.baseUrl(provider), apiKeyEnv: 'K' };
      const model = openModel(target, { K: key });
      const call = () =>
        model.call(aRequest(), { signal: new AbortController().signal, connectMs: 500 });

      for (const reply of [await call(), await call()]) assert.equal(reply.stop, 'end');
    });
  });
}

/** A listener below HTTP. */
async function listen(
  take: (socket: Socket) => void,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
