import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { EngineError } from '../../../core/base/errors.ts';
import { isPublicAddress } from '../../../core/ports/http/address.ts';
import { openHttp } from '../../../core/ports/http/http.ts';
import { openPublicServer, publicAddress } from '../../support/public-server.ts';
import { ssrfCorpus } from '../../support/ssrf-corpus.ts';
import { verifies } from '../../support/verifies.ts';

const signal = new AbortController().signal;
const anywhere = { hosts: ['*'] };

const code = (expected: string) => (error: unknown) => {
  assert.equal((error as EngineError).code, expected, String(error));
  return true;
};

/** Counts every TCP socket that this process opens to somewhere, and every connection that reaches loopback. */
async function openMeter() {
  const seen = { sockets: 0, arrivals: 0 };
  const count = () => {
    seen.sockets += 1;
  };
  const server = createServer((socket) => {
    seen.arrivals += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  subscribe('net.client.socket', count);
  return {
    seen,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      unsubscribe('net.client.socket', count);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('ports/http: where requests may go', () => {
  it('opens no socket for any of at least 300 addresses that lead inside', async () => {
    verifies('R5.http-tool');
    await using meter = await openMeter();
    const corpus = ssrfCorpus(meter.port);
    const leads = new Map(
      corpus.flatMap(({ url, leadsTo }) => (leadsTo ? [[new URL(url).hostname, leadsTo]] : [])),
    );
    const http = openHttp(
      { hosts: ['*'], ports: [443, meter.port] },
      { resolve: async (hostname) => leads.get(hostname) ?? ['127.0.0.1'] },
    )(signal);

    for (const { url } of corpus) {
      await assert.rejects(http.request({ url }), code('EGRESS_REFUSED'), url);
    }

    assert.ok(corpus.length >= 300, String(corpus.length));
    assert.deepEqual(meter.seen, { sockets: 0, arrivals: 0 });
    // The meter does count: a plain connection is seen on both sides.
    const plain = connect(meter.port, '127.0.0.1');
    await new Promise((resolve) => plain.once('close', resolve));
    assert.deepEqual(meter.seen, { sockets: 1, arrivals: 1 });
  });

  it('connects to the address that was checked, whatever the name says next', async () => {
    const answers = [[publicAddress], ['127.0.0.1'], ['::ffff:10.0.0.1'], [publicAddress, '::1']];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? [];
    const close = { headers: { connection: 'close', 'content-type': 'text/plain' } };
    await using server = await openPublicServer(() => close, { resolve });
    const http = openHttp(anywhere, server.seams)(signal);

    const first = await http.request({ url: 'https://api.example.com/' });
    for (const _ of answers.slice(1)) {
      await assert.rejects(
        http.request({ url: 'https://api.example.com/' }),
        code('EGRESS_REFUSED'),
      );
    }

    assert.equal(first.status, 200);
    assert.deepEqual(server.connections, [[publicAddress]]);
    assert.equal(asked, answers.length);
  });

  it('asks for every address of a name, and connects to all or none', async () => {
    await using server = await openPublicServer(() => ({ body: 'here' }));
    const http = openHttp(anywhere, server.seams)(signal);

    await http.request({ url: 'https://api.example.com/' });

    assert.deepEqual(server.connections, [[publicAddress, '2606:2800:220:1:248:1893:25c8:1946']]);
  });

  it('reaches public addresses that are given as such, with a certificate for them', async () => {
    await using server = await openPublicServer(() => ({ body: 'here' }));
    const http = openHttp({ hosts: [publicAddress] }, server.seams)(signal);

    const { text } = await http.request({ url: `https://${publicAddress}/` });
    const mapped = http.request({ url: `https://[::ffff:${publicAddress}]/` });

    assert.equal(text, 'here');
    await assert.rejects(mapped, code('EGRESS_REFUSED'));
  });

  it('refuses a server whose certificate is of another name', async () => {
    const resolve = async () => [publicAddress];
    await using server = await openPublicServer(() => ({ body: 'here' }), { resolve });
    const http = openHttp(anywhere, server.seams)(signal);

    await assert.rejects(http.request({ url: 'https://evil.test/' }), (error: EngineError) => {
      assert.equal(error.code, 'HTTP_FAILED');
      assert.match(
        error.message,
        /'evil\.test' cannot be reached \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
      );
      return true;
    });
    assert.equal(server.requests.length, 0);
  });

  it('allows no host by default, and says what to add', async () => {
    await using server = await openPublicServer(() => ({ body: 'here' }));
    const http = openHttp({}, server.seams)(signal);

    await assert.rejects(http.request({ url: 'https://api.example.com/' }), {
      code: 'EGRESS_REFUSED',
      message: "Host 'api.example.com' is not allowed; add it to 'http.hosts' if it is meant.",
    });
    await assert.rejects(http.request({ url: 'https://api.example.com:8443/' }), {
      message: /Port 8443 of 'api\.example\.com' is not allowed; add it to 'http\.ports'/,
    });
    assert.equal(server.connections.length, 0);
  });

  for (const { hosts, allows, refuses } of [
    {
      hosts: ['api.example.com'],
      allows: ['https://API.example.com/', 'https://api.example.com./', 'https://ａpi.example.com'],
      refuses: [
        'https://example.com/',
        'https://x.api.example.com/',
        'https://api.example.com.evil.test/',
      ],
    },
    {
      hosts: ['*.example.com'],
      allows: ['https://api.example.com/', 'https://www.example.com/'],
      refuses: ['https://example.com/', 'https://evilexample.com/', 'https://other.example/'],
    },
    {
      hosts: ['*'],
      allows: ['https://other.example/'],
      refuses: ['https://localhost/', 'https://intranet/'],
    },
  ]) {
    it(`takes ${hosts.join()} at its word`, async () => {
      await using server = await openPublicServer(() => ({ body: 'here' }));
      const http = openHttp({ hosts }, server.seams)(signal);

      for (const url of allows) assert.equal((await http.request({ url })).text, 'here', url);
      for (const url of refuses) {
        await assert.rejects(http.request({ url }), code('EGRESS_REFUSED'), url);
      }
    });
  }

  it('refuses a configuration that names no host', () => {
    for (const host of [
      'https://example.com',
      'example.com/path',
      'exa*mple.com',
      'a b',
      '',
      'x:8',
    ]) {
      assert.throws(() => openHttp({ hosts: [host] }), code('CONFIG_INVALID'), host);
    }
  });

  it('tells public addresses from all others', () => {
    const yes = ['8.8.8.8', '1.1.1.1', '93.184.216.34', '::ffff:8.8.8.8', '2606:4700::1111'];
    const no = ['', 'example.com', '127.0.0.1', 'fe80::1%eth0', '2001:4860::1%eth0', '::8.8.8.8'];
    assert.deepEqual(
      yes.filter((address) => !isPublicAddress(address)),
      [],
    );
    assert.deepEqual(no.filter(isPublicAddress), []);
  });
});
