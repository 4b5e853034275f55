import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

describe('an effect that was done, and whose answer was lost on the way', () => {
  let box: Server;
  let tutti: TestEngine;
  /** What has really happened: letters by key. */
  const letters = new Map<string, string[]>();
  const posts: string[] = [];

  before(async () => {
    box = createServer(async (request, response) => {
      const [, kind, key = ''] = (request.url ?? '').split('/');
      const known = letters.get(key) ?? [];
      if (request.method === 'GET')
        return response.end(JSON.stringify(known[0] ? { number: 1 } : null));
      posts.push(key);
      const body = (await request.toArray()).join('');
      if (kind === 'forgets' || known.length === 0) letters.set(key, [...known, body]);
      // Done; but the first answer never arrives.
      if (posts.filter((each) => each === key).length === 1) return void response.destroy();
      return response.end('{"number":1}');
    });
    box.listen(0, '127.0.0.1');
    await once(box, 'listening');
    process.env.LETTER_BOX = `http://127.0.0.1:${(box.address() as AddressInfo).port}`;
    tutti = await openTestEngine(
      new URL('../support/fixtures/letter-box.config.ts', import.meta.url),
    );
  });
  after(async function () {
    delete process.env.LETTER_BOX;
    await tutti.close(this);
    box.close();
  });

  for (const [agent, why, asked] of [
    ['poster', 'is asked for again under its key, which the other side knows', 2],
    ['dropper', 'is looked for, and not asked for again', 1],
  ] as const)
    it(`${why}: it happens once`, async () => {
      verifies('R8.crash');
      const tenantId = await tutti.host.store.tenant('post');
      const before = posts.length;

      const run = await tutti.run(`post.${agent}`, { tenantId, input: { id: agent } });

      const [step] = await tutti.history.steps(tenantId, run.id);
      assert.deepEqual([run.status, step?.error], ['succeeded', null]);
      assert.equal(posts.length - before, asked);
      assert.deepEqual(
        [...letters.values()].filter(([id]) => id === agent),
        [[agent]],
      );
    });
});
