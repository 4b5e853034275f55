import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { bodyOf, drip, headOf } from '../../support/drip.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { openApi, type TestApi } from './api.ts';

const bounds = { headMs: 400, requestMs: 800, checkMs: 100 };
/** What a busy machine may add to the moment at which a client is cut off. */
const slackMs = 3_000;

describe('clients that send slowly', () => {
  let api: TestApi;
  before(async () => {
    api = await openApi();
  });
  after(async function () {
    await api.close(this);
  });

  it('are cut off in time, while others are answered', async () => {
    verifies('R13.non-blocking');
    const server = await serve(api, bounds);
    const { port } = server;
    const drips = [
      ...Array.from({ length: 150 }, () => drip({ port, begin: headOf(port) })),
      ...Array.from({ length: 100 }, () => drip({ port, begin: bodyOf(port) })),
      ...Array.from({ length: 50 }, () => drip({ port, begin: '' })),
    ];
    let isOver = false;
    const all = Promise.all(drips).finally(() => {
      isOver = true;
    });
    let answered = 0;
    do {
      assert.equal((await fetch(`${server.url}/v1/runs`)).status, 200);
      if (!isOver) answered += 1;
    } while (!isOver);
    const cut = await all;
    await server.close();

    assert.ok(answered > 0, 'nobody was answered meanwhile');
    for (const { said, afterMs } of cut) {
      assert.match(said, /^HTTP\/1\.1 408 /);
      assert.ok(afterMs < bounds.requestMs + bounds.checkMs + slackMs, `after ${afterMs} ms`);
    }
  });

  it('and many of them leave a connection to those who have one, and make room for those who come', async () => {
    const server = await serve(api, { connections: 20 });
    const good = connect(server.port, '127.0.0.1');
    const held = await connectionsOf(() => ask(good, server));
    const others = Array.from({ length: 60 }, () => connect(server.port, '127.0.0.1'));
    const closed = new Set<Socket>();
    for (const each of others) {
      each.on('error', () => {});
      each.once('close', () => closed.add(each));
    }
    try {
      await eventually(() => closed.size === 41);
      await ask(good, server);
      // Each newcomer takes the place of one who has said nothing, and gives it back.
      for (let no = 0; no < 5; no += 1) {
        assert.equal((await livez(server)).status, 200);
        await eventually(async () => (await held()) === 19);
      }
      // The one who was put out hears of it by itself.
      await eventually(() => closed.size > 41);
      assert.equal(closed.size, 42);
      await ask(good, server);
    } finally {
      for (const each of others) each.destroy();
      good.destroy();
      await server.close();
    }
  });

  it('cannot be put out to make room while they are being answered', async () => {
    const run = await api.start('pause');
    const server = await serve(api, { connections: 2 });
    const over = new AbortController();
    const follow = () => fetch(`${server.url}/v1/runs/${run}/events`, { signal: over.signal });
    try {
      const first = await follow();
      const second = await follow();
      assert.deepEqual([first.status, second.status], [200, 200]);
      await assert.rejects(livez(server));
      await first.body?.cancel();
      await eventually(() => livez(server).catch(() => null));
    } finally {
      over.abort();
      await server.close();
    }
  });
});

function serve(
  { tutti, tenantId }: TestApi,
  own: NonNullable<Parameters<typeof listen>[1]['bounds']>,
): Promise<Listening> {
  const { history, engine, host } = tutti;
  const parts = { history, engine, registry: host.registry, tenantId };
  const app = createApp({ ...parts, requestsPerMinute: 1_000_000 });
  return listen(app, { port: 0, bounds: own });
}

async function ask(socket: Socket, { port }: Listening): Promise<void> {
  socket.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
}

/** What counts the connections of the server that is asked something. */
async function connectionsOf(asked: () => Promise<void>): Promise<() => Promise<number>> {
  const { promise, resolve } = Promise.withResolvers<Server>();
  const hear = (message: unknown): void => resolve((message as { readonly server: Server }).server);
  subscribe('http.server.request.start', hear);
  await asked();
  unsubscribe('http.server.request.start', hear);
  const server = await promise;
  return () => new Promise((found) => server.getConnections((_, count) => found(count)));
}

function livez({ url }: Listening): Promise<Response> {
  return fetch(`${url}/livez`, { headers: { connection: 'close' } });
}
