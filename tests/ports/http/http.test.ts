import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import type { EngineError } from '../../../core/base/errors.ts';
import { openHttp } from '../../../core/ports/http/http.ts';
import { eventually } from '../../support/eventually.ts';
import { openPublicServer } from '../../support/public-server.ts';

const signal = new AbortController().signal;
const url = 'https://example.com/';

const code = (expected: string, message: RegExp) => (error: unknown) => {
  assert.equal((error as EngineError).code, expected, String(error));
  assert.match((error as EngineError).message, message);
  return true;
};

describe('ports/http: requests of tools', () => {
  it('gives status, headers and text, whatever the status', async () => {
    await using server = await openPublicServer(() => ({
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'Retry-After': '3' },
      body: '{"title":"later"}',
    }));

    const answer = await openHttp(
      { hosts: ['example.com'] },
      server.seams,
    )(signal).request({ url });

    assert.equal(answer.status, 503);
    assert.equal(answer.headers['retry-after'], '3');
    assert.deepEqual(JSON.parse(answer.text), { title: 'later' });
  });

  it('takes text only, in the characters that it is said to have', async () => {
    await using server = await openPublicServer(({ path }) =>
      path === '/latin'
        ? {
            headers: { 'content-type': 'text/csv; charset=ISO-8859-1' },
            body: Uint8Array.of(0x46, 0xfc, 0x72),
          }
        : { headers: { 'content-type': path.slice(1) }, body: 'x' },
    );
    const http = openHttp({ hosts: ['example.com'] }, server.seams)(signal);

    assert.equal((await http.request({ url: `${url}latin` })).text, 'Für');
    for (const type of ['image/png', 'application/octet-stream', 'text/event-stream']) {
      await assert.rejects(http.request({ url: url + type }), code('EGRESS_REFUSED', /only text/));
    }
    for (const type of ['text/html', 'application/json', 'application/soap+xml', 'text/csv']) {
      assert.equal((await http.request({ url: url + type })).text, 'x', type);
    }
  });

  it('keeps the status of what changed something, where its words cannot be read', async () => {
    await using server = await openPublicServer(({ path }) =>
      path === '/moved'
        ? { status: 307, headers: { location: 'https://other.example/' } }
        : { status: 201, headers: { 'content-type': 'image/png' }, body: 'png' },
    );
    const http = openHttp({ hosts: ['*'] }, server.seams)(signal);

    const made = await http.request({ url, method: 'POST', body: '{}' });
    const moved = await http.request({ url: `${url}moved`, method: 'POST', body: '{}' });

    assert.equal(made.status, 201);
    assert.match(made.omitted ?? '', /answers with 'image\/png'/);
    assert.deepEqual([moved.status, moved.headers.location], [307, 'https://other.example/']);
    assert.equal(server.requests.length, 2);
  });

  it('refuses what is no request', async () => {
    await using server = await openPublicServer(() => ({ body: 'x' }));
    const http = openHttp({ hosts: ['example.com'] }, server.seams)(signal);

    await assert.rejects(
      http.request({ url, headers: { 'x-a': 'b\r\nhost: evil.test' } }),
      code('EGRESS_REFUSED', /not well formed/),
    );
    await assert.rejects(
      http.request({ url, body: 'x' }),
      code('EGRESS_REFUSED', /not well formed/),
    );
    assert.equal(server.connections.length, 0);
  });

  it('ends with its signal, in the middle of an answer too', async () => {
    const stop = new AbortController();
    await using server = await openPublicServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('the first half');
      setImmediate(() => stop.abort(new Error('enough')));
    });
    const http = openHttp({ hosts: ['example.com'] }, server.seams)(stop.signal);

    await assert.rejects(http.request({ url }), { message: 'enough' });
  });

  it('fails, to be tried again, when the other side breaks off', async () => {
    await using server = await openPublicServer(({ path }) => (response) => {
      if (path === '/half') {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '100' });
        response.write('half');
      }
      setImmediate(() => response.destroy());
    });
    const http = openHttp({ hosts: ['example.com'] }, server.seams)(signal);

    await assert.rejects(http.request({ url }), code('HTTP_FAILED', /gave no answer/));
    await assert.rejects(
      http.request({ url: `${url}half` }),
      code('HTTP_FAILED', /no whole answer/),
    );
  });

  it('gives up on a connection, and on an answer that does not end', async () => {
    await using server = await openPublicServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('the first half');
    });
    const silent = { ...server.seams, connect: () => new Socket(), connectMs: 20 };
    const config = { hosts: ['example.com'] };

    await assert.rejects(
      openHttp(config, silent)(signal).request({ url }),
      code('HTTP_FAILED', /cannot be reached \(too late\); nothing was sent/),
    );
    const hasty = openHttp(config, { ...server.seams, totalMs: 200 })(signal);
    // A busy machine may need as long to connect.
    await eventually(async () => {
      const error = await hasty.request({ url }).catch((thrown: unknown) => thrown);
      code('HTTP_FAILED', / \(too late\)/)(error);
      return /gave no whole answer/.test(String(error));
    });
  });

  it('takes secrets from the environment, for their host alone, and says which is missing', async () => {
    await using server = await openPublicServer(() => ({ body: 'x' }), { env: { TOKEN: 't-1' } });
    const headersFrom = {
      'example.com': { authorization: 'TOKEN' },
      'www.example.com': { authorization: 'OTHER' },
    };
    const http = openHttp({ hosts: ['*'], headersFrom }, server.seams)(signal);

    await http.request({ url, headers: { authorization: 'mine' } });
    await http.request({ url: 'https://api.example.com/' });

    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['t-1', undefined],
    );
    await assert.rejects(
      http.request({ url: 'https://www.example.com/' }),
      code('CONFIG_INVALID', /Environment variable 'OTHER'/),
    );
  });
});
