import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { readJson } from '../../../core/service/api/body.ts';
import { mount } from '../../../core/service/api/mount.ts';
import { openApiOf } from '../../../core/service/api/openapi/document.ts';
import { answerProblems } from '../../../core/service/api/problem.ts';
import { defineRoute, nothing } from '../../../core/service/api/route.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { problem } from './api.ts';

const desk = 'https://desk.example.com';

describe('HTTP, at its edges', () => {
  let served: ServedApi;
  let key: string;

  before(async () => {
    served = await serveHere({ api: { keysOnly: true, cors: [desk] } });
    key = await served.key(served.ours, ['operator']);
  });
  after(async function () {
    await served.close(this);
  });

  it('names the methods of a path', async () => {
    const asked = await served.ask('/v1/runs', key, { method: 'OPTIONS' });
    const refused = await served.ask('/v1/runs/1/steps', key, { method: 'PUT' });

    assert.deepEqual([asked.status, asked.headers.get('allow')], [200, 'GET, HEAD, POST']);
    assert.equal(refused.headers.get('allow'), 'GET, HEAD');
    await problem(refused, 405, 'METHOD_REFUSED');
  });

  it('answers HEAD as GET, without the body', async () => {
    const [head, get] = [
      await served.ask('/v1/modules', key, { method: 'HEAD' }),
      await served.ask('/v1/modules', key),
    ];

    assert.deepEqual([head.status, await head.text()], [200, '']);
    assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
  });

  it('lets pages of configured origins ask, and read what they get', async () => {
    const headers = {
      origin: desk,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,idempotency-key',
    };
    const asked = await served.ask('/v1/runs', null, { method: 'OPTIONS', headers });
    const read = await served.ask('/v1/runs', key, { headers: { origin: desk } });
    const refused = await served.ask('/v1/runs', null, { headers: { origin: desk } });

    assert.equal(asked.status, 204);
    assert.match(asked.headers.get('access-control-allow-headers') ?? '', /Idempotency-Key/);
    for (const { headers: got } of [asked, read, refused]) {
      assert.equal(got.get('access-control-allow-origin'), desk);
      assert.equal(got.get('access-control-allow-credentials'), null);
    }
    assert.match(read.headers.get('access-control-expose-headers') ?? '', /Location.*RateLimit/);
    await problem(refused, 401, 'UNAUTHENTICATED');
  });

  it('gives pages of other origins nothing to read', async () => {
    for (const origin of ['https://evil.example', `${desk}.evil.example`, 'null']) {
      const read = await served.ask('/v1/runs', key, { headers: { origin } });
      assert.equal(read.headers.get('access-control-allow-origin'), null);
    }
  });

  it('forbids browsers everything that an answer does not need', async () => {
    const { headers } = await served.ask('/v1/runs', key);

    assert.deepEqual(
      [
        'content-security-policy',
        'x-content-type-options',
        'x-frame-options',
        'referrer-policy',
        'cross-origin-resource-policy',
        'cross-origin-opener-policy',
        'cache-control',
      ].map((name) => headers.get(name)),
      [
        "default-src 'none';frame-ancestors 'none'",
        ...['nosniff', 'DENY', 'no-referrer', 'same-origin', 'same-origin', 'no-store'],
      ],
    );
    assert.equal(headers.get('x-powered-by'), null);
    assert.equal(headers.get('strict-transport-security'), null);
  });

  it('tells callers of a route that is to go', async () => {
    verifies('R10.versioning');
    const since = new Date('2026-03-01T00:00:00Z');
    const gone = new Date('2027-03-01T00:00:00Z');
    const route = defineRoute({
      ...{ method: 'get', path: '/old', summary: 'Goes.', permission: null },
      ...{ deprecated: { since, gone }, answers: { 204: null } },
      handle: async () => nothing,
    });
    const app = express().use(mount([route], { closing: new AbortController().signal }));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const { headers } = await fetch(`http://127.0.0.1:${port}/old`);

      assert.equal(headers.get('deprecation'), '@1772323200');
      assert.equal(headers.get('sunset'), 'Mon, 01 Mar 2027 00:00:00 GMT');
      assert.equal(openApiOf([route]).paths['/old']?.get?.deprecated, true);
    } finally {
      server.close();
    }
  });

  it('does nothing without the body of who has gone before it was read', async () => {
    verifies('R12.input-validation');
    const [done, refused]: [unknown[], unknown[]] = [[], []];
    const route = defineRoute({
      ...{ method: 'post', path: '/back', summary: 'Goes back.', permission: null },
      ...{ body: z.strictObject({ to: z.int().optional() }), answers: { 204: null } },
      handle: async ({ body }) => {
        done.push(body);
        return nothing;
      },
    });
    const leaves: RequestHandler = async ({ socket }, _response, next) => {
      await eventually(() => !socket.readable);
      next();
    };
    const parts = { closing: new AbortController().signal };
    const app = express().use(leaves, ...readJson, mount([route], parts));
    const hear = (told: string): string => {
      refused.push(told);
      return told;
    };
    app.use(answerProblems(() => assert.fail(), hear));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ways: readonly ((socket: Socket) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.destroySoon(),
    ];
    try {
      for (const [at, leave] of ways.entries()) {
        const socket = connect({ port, host: '127.0.0.1' });
        await once(socket, 'connect');
        socket.write(
          'POST /back HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"to":3}',
        );
        leave(socket);
        await eventually(() => done.length + refused.length > at);
      }

      assert.deepEqual(done, []);
      assert.match(refused.join(), /closed before the body had been read/);
    } finally {
      server.close();
    }
  });
});
