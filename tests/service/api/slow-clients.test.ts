import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { openApi, type TestApi } from './api.ts';

const bounds = { headMs: 400, requestMs: 800, checkMs: 100 };
/** What a busy machine may add to the moment at which a client is cut off. */
const slackMs = 3_000;

describe('clients that send slowly', function () {
  this.timeout(60_000);
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
    const host = `Host: 127.0.0.1:${server.port}\r\n`;
    const post = `POST /v1/runs HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
    const drips = [
      ...Array.from({ length: 150 }, () => drip(server, `GET /livez HTTP/1.1\r\n${host}X-A: `)),
      ...Array.from({ length: 100 }, () => drip(server, post)),
      ...Array.from({ length: 50 }, () => drip(server, '')),
    ];
    let isOver = false;
    const all = Promise.all(drips).finally(() => {
      isOver = true;
    });
    let answered = 0;
    do {
      assert.equal((await fetch(`${server.url}/v1/runs`)).status, 200);
      answered += 1;
    } while (!isOver);
    const cut = await all;
    await server.close();

    assert.ok(answered > 5, `${answered} answers`);
    for (const { said, afterMs } of cut) {
      assert.match(said, /^HTTP\/1\.1 408 /);
      assert.ok(afterMs < bounds.requestMs + bounds.checkMs + slackMs, `after ${afterMs} ms`);
    }
  });

  it('and many of them leave a connection to those who have one', async () => {
    const server = await serve(api, { connections: 20 });
    const good = connect(server.port, '127.0.0.1');
    await ask(good, server);
    const others = Array.from({ length: 60 }, () => connect(server.port, '127.0.0.1'));
    const closed = new Set<Socket>();
    for (const each of others) {
      each.on('error', () => {});
      each.once('close', () => closed.add(each));
    }
    try {
      await eventually(() => closed.size === 41);
      await ask(good, server);
    } finally {
      for (const each of others) each.destroy();
    }
    // Whoever was turned away gets in when there is room again.
    assert.equal((await eventually(() => livez(server)))?.status, 200);
    good.destroy();
    await server.close();
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

/** Sends a begin and then a character every now and then, until it is cut off. */
async function drip(
  { port }: Listening,
  begin: string,
): Promise<{ readonly said: string; readonly afterMs: number }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const from = performance.now();
  let said = '';
  socket.on('error', () => {});
  socket.setEncoding('utf8').on('data', (some: string) => {
    said += some;
  });
  socket.write(begin);
  const dripping = setInterval(() => begin !== '' && socket.write('x'), 100);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  return { said, afterMs: performance.now() - from };
}

async function ask(socket: Socket, { port }: Listening): Promise<void> {
  socket.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
}

async function livez({ url }: Listening): Promise<Response | null> {
  try {
    return await fetch(`${url}/livez`, { headers: { connection: 'close' } });
  } catch {
    return null;
  }
}
