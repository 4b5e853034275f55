import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { isEngineError } from '../../../core/base/errors.ts';
import { Bodies, largestPostBytes } from '../../../core/service/hooks/bodies.ts';
import { eventually } from '../../support/eventually.ts';
import { openHookApi } from '../../support/hook-api.ts';
import { hookSecrets } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const path = `/v1/hooks/elsewhere?token=${hookSecrets.ODOO_TOKEN}`;

/** A post that announces a body, and sends `begin` of it. */
function announce(port: number, to: string, begin = ''): Socket {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
  socket.write(
    `POST ${to} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${largestPostBytes}\r\n\r\n${begin}`,
  );
  return socket;
}

describe('posts that announce what they never send', () => {
  it('keep nobody out who sends, proven or not', async function () {
    verifies('R6.inbound', 'R13.non-blocking');
    const api = await openHookApi();
    const silent = Array.from({ length: 300 }, () =>
      announce(api.server.port, '/v1/hooks/elsewhere'),
    );
    try {
      await Promise.all(silent.map((socket) => once(socket, 'connect')));
      // The server has read their heads once it has answered one that came behind them.
      const answer = await api.post(path, '{"id":"1"}');
      const again = await api.post(path, '{"id":"2"}');

      assert.deepEqual([answer.status, again.status], [202, 202]);
    } finally {
      for (const socket of silent) socket.destroy();
      await api.close(this);
    }
  });
});

describe('bodies of posts', () => {
  /** Reads posts within 1,000 bytes, and answers each with its length or the code of its refusal; `come` is how many bytes of all have come. */
  async function reading(work: (port: number, come: () => number) => Promise<void>): Promise<void> {
    const bodies = new Bodies({ most: 1_000 });
    let come = 0;
    const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
      request.on('data', (some: Buffer) => {
        come += some.length;
      });
      const told = await bodies.read(request).then(
        (body) => String(body.length),
        (error: unknown) => (isEngineError(error) ? error.code : 'none'),
      );
      response.end(told);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await work((server.address() as AddressInfo).port, () => come);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const send = async (port: number, body: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })).text();

  it('push the one out that takes longest where they are too much together, and no other', async () => {
    await reading(async (port, come) => {
      const said = ['', ''];
      const slow: Socket[] = [];
      for (const at of [0, 1]) {
        const socket = announce(port, '/', 'x'.repeat(400));
        socket.on('data', (some) => {
          said[at] += String(some);
        });
        slow.push(socket);
        // The second is read behind the first.
        await eventually(() => come() === 400 * slow.length);
      }

      assert.equal(await send(port, 'z'.repeat(500)), '500');

      await eventually(() => said[0] !== '');
      assert.match(said[0] ?? '', /RATE_LIMITED/);
      assert.equal(said[1], '');
      assert.equal(await send(port, 'z'.repeat(600)), '600');
      for (const socket of slow) socket.destroy();
      await eventually(async () => (await send(port, 'z'.repeat(1_000))) === '1000');
    });
  });

  it('are refused beyond what one may hold, and give back what was held', async () => {
    await reading(async (port) => {
      const large = 'x'.repeat(largestPostBytes + 1);
      const refused = await send(port, large);

      assert.ok(['BODY_TOO_LARGE', 'RATE_LIMITED'].includes(refused), refused);
      assert.equal(await send(port, 'z'.repeat(1_000)), '1000');
    });
  });
});
