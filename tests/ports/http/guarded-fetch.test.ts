import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EngineError } from '../../../core/base/errors.ts';
import { guardedFetch } from '../../../core/ports/http/guarded-fetch.ts';
import { type Answer, openPublicServer } from '../../support/public-server.ts';

const code = (expected: string, message?: RegExp) => (error: unknown) => {
  assert.equal((error as EngineError).code, expected, String(error));
  if (message) assert.match((error as EngineError).message, message);
  return true;
};

const to = (location: string, status = 302): Answer => ({ status, headers: { location } });
const secrets = {
  authorization: 'Bearer secret',
  cookie: 'session=secret',
  'x-api-key': 'secret',
  accept: 'text/plain',
};

describe('ports/http: fetch within bounds', () => {
  it('follows three redirects and no fourth', async () => {
    await using server = await openPublicServer(({ path }) =>
      path === '/0' ? { body: 'end' } : to(`/${Number(path.slice(1)) - 1}`),
    );
    const ask = guardedFetch({ hosts: ['*'] }, server.seams);

    const end = await ask('https://example.com/3');

    assert.deepEqual([await end.text(), end.url], ['end', 'https://example.com/0']);
    await assert.rejects(ask('https://example.com/4'), code('HTTP_FAILED', /after 3 redirects/));
  });

  it('checks every redirect by the same rules before it connects', async () => {
    const inside = [
      'http://api.example.com/',
      'https://127.0.0.1/',
      'https://localhost/',
      'https://user@api.example.com/',
      'https://other.example/',
      'https://api.example.com:8443/',
      'file:///etc/passwd',
      '//169.254.169.254/latest/',
      'https://[::ffff:7f00:1]/',
    ];
    await using server = await openPublicServer(({ path }) =>
      to(inside[Number(path.slice(1))] ?? ''),
    );
    const ask = guardedFetch({ hosts: ['example.com', 'api.example.com'] }, server.seams);

    for (const index of inside.keys()) {
      await assert.rejects(ask(`https://example.com/${index}`), code('EGRESS_REFUSED'));
    }

    assert.deepEqual([...new Set(server.requests.map(({ host }) => host))], ['example.com']);
    assert.ok(server.connections.every(([address]) => address === '93.184.216.34'));
  });

  it('checks where the name of a redirect leads', async () => {
    const resolve = async (hostname: string) =>
      hostname === 'example.com' ? ['93.184.216.34'] : ['93.184.216.34', '10.0.0.1'];
    await using server = await openPublicServer(() => to('https://www.example.com/'), { resolve });
    const ask = guardedFetch({ hosts: ['*'] }, server.seams);

    await assert.rejects(
      ask('https://example.com/'),
      code('EGRESS_REFUSED', /'https:\/\/www\.example\.com' leads to 10\.0\.0\.1/),
    );
    assert.equal(server.connections.length, 1);
  });

  it('keeps secrets from another origin, and from every one after it', async () => {
    await using server = await openPublicServer(({ host, path }) => {
      if (path === '/') return to('/same');
      if (path === '/same') return to('https://other.example/there');
      return host === 'other.example' ? to('https://example.com/back') : { body: 'end' };
    });
    const headersFrom = {
      'example.com': { 'x-token': 'TOKEN' },
      'other.example': { 'x-token': 'TOKEN' },
    };
    const ask = guardedFetch(
      { hosts: ['*'], headersFrom },
      { ...server.seams, env: { TOKEN: 'from the environment' } },
    );

    await ask('https://example.com/', { headers: secrets });

    const [first, same, there, back] = server.requests.map(({ headers }) => headers);
    for (const own of [first, same]) {
      assert.deepEqual(
        [own?.authorization, own?.cookie, own?.['x-api-key'], own?.['x-token']],
        ['Bearer secret', 'session=secret', 'secret', 'from the environment'],
      );
    }
    for (const other of [there, back]) {
      assert.doesNotMatch(JSON.stringify(other), /secret|environment/);
      assert.equal(other?.accept, 'text/plain');
    }
  });

  it('changes the method as fetch does', async () => {
    await using server = await openPublicServer(({ path }) =>
      path === '/end' ? { body: 'end' } : to('/end', Number(path.slice(1))),
    );
    const ask = guardedFetch({ hosts: ['*'] }, server.seams);
    const arrivedAs = async (method: string, status: number) => {
      const body = ['GET', 'HEAD'].includes(method) ? null : 'content';
      await ask(`https://example.com/${status}`, { method, body });
      const last = server.requests.at(-1);
      return `${last?.method} ${last?.body} ${last?.headers['content-type'] ?? '-'}`;
    };

    assert.deepEqual(
      [
        await arrivedAs('POST', 301),
        await arrivedAs('POST', 302),
        await arrivedAs('PUT', 302),
        await arrivedAs('DELETE', 303),
        await arrivedAs('HEAD', 303),
        await arrivedAs('POST', 307),
        await arrivedAs('PATCH', 308),
      ],
      [
        'GET  -',
        'GET  -',
        'PUT content text/plain;charset=UTF-8',
        'GET  -',
        'HEAD  -',
        'POST content text/plain;charset=UTF-8',
        'PATCH content text/plain;charset=UTF-8',
      ],
    );
  });

  it('sends no header that names another host or method', async () => {
    await using server = await openPublicServer(() => ({ body: 'here' }));
    const ask = guardedFetch({ hosts: ['example.com'] }, server.seams);

    await ask('https://example.com/', {
      headers: {
        host: 'admin.example.com',
        'x-http-method-override': 'DELETE',
        'proxy-authorization': 'Basic x',
        'transfer-encoding': 'chunked',
      },
    });

    const { host, headers } = server.requests[0] ?? assert.fail();
    assert.equal(host, 'example.com');
    assert.deepEqual(
      Object.keys(headers).filter((name) => /^(x-|proxy-|transfer-)/.test(name)),
      [],
    );
  });

  it('stops reading past the limit, packed or not; of a stream of events, within one event', async () => {
    const { gzipSync } = await import('node:zlib');
    const long = 'x'.repeat(200_000);
    await using server = await openPublicServer(({ path }) => {
      if (path === '/packed') {
        return { headers: { 'content-encoding': 'gzip' }, body: gzipSync(long) };
      }
      const type = path.startsWith('/event') ? 'text/event-stream' : 'text/plain';
      const events = 'data: xxxxxxxxxxxx\r\n\r\n'.repeat(10_000);
      return { headers: { 'content-type': type }, body: path === '/events' ? events : long };
    });
    const ask = guardedFetch({ hosts: ['*'], maxBytes: 100_000 }, server.seams);
    const read = async (path: string) => (await ask(`https://example.com${path}`)).text();

    await assert.rejects(read('/plain'), code('EGRESS_REFUSED', /longer than 100000 bytes/));
    await assert.rejects(read('/packed'), code('EGRESS_REFUSED', /longer than 100000 bytes/));
    assert.equal((await read('/events')).length, 220_000);
    // One of them that does not end would be gathered in memory, line by line or not.
    await assert.rejects(read('/event'), code('EGRESS_REFUSED', /longer than 100000 bytes/));
  });

  it('is fetch to its caller: Request, signal, manual redirects, typed failures', async () => {
    await using server = await openPublicServer(({ path, body }) =>
      path === '/moved' ? to('/end') : { body: `got ${body}` },
    );
    const ask: typeof fetch = guardedFetch({ hosts: ['example.com'] }, server.seams);

    const posted = await ask(new Request('https://example.com/', { method: 'POST', body: 'it' }));
    const moved = await ask('https://example.com/moved', { redirect: 'manual' });
    const stopped = ask('https://example.com/', { signal: AbortSignal.abort(new Error('enough')) });

    assert.equal(await posted.text(), 'got it');
    assert.ok(posted instanceof Response);
    assert.deepEqual([moved.status, moved.headers.get('location')], [302, '/end']);
    await assert.rejects(stopped, { message: 'enough' });
    await assert.rejects(
      ask('https://example.com/moved', { redirect: 'error' }),
      code('HTTP_FAILED'),
    );
    const gone = guardedFetch({ hosts: ['*'] }, server.seams);
    await assert.rejects(gone('https://nobody.test/'), (error: EngineError) => {
      assert.deepEqual(
        [error.code, error.retryable, error.details],
        ['HTTP_FAILED', true, { sent: false }],
      );
      assert.match(error.message, /'nobody\.test' cannot be reached \(ENOTFOUND\)/);
      return true;
    });
  });

  it('reaches an origin inside that the operator vouches for, and by no redirect from outside', async () => {
    const inner = createServer((request, response) => {
      if (request.url === '/out') response.writeHead(302, { location: '/in' }).end();
      else response.end('inside');
    });
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const origin = `http://ledger.example:${(inner.address() as AddressInfo).port}`;
    try {
      await using server = await openPublicServer(() => to(`${origin}/`));
      const config = { hosts: ['*'], origins: [origin], setting: 'mcp' };
      // Its connection is a real one, to where the name was found to lead: nobody else knows it.
      const inside = guardedFetch(config, { resolve: async () => ['127.0.0.1'] });
      const outside = guardedFetch(config, server.seams);

      assert.equal(await (await inside(`${origin}/out`)).text(), 'inside');
      await assert.rejects(outside('https://example.com/'), code('EGRESS_REFUSED', /lies inside/));
      await assert.rejects(inside('http://127.0.0.1:1/'), code('EGRESS_REFUSED', /is not https/));
      await assert.rejects(
        inside('https://example.com:99/'),
        code('EGRESS_REFUSED', /add it to 'mcp\.ports'/),
      );
    } finally {
      inner.closeAllConnections();
      inner.close();
    }
  });
});
