import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { type Papers, readPapers } from '../../worker/machines/papers.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

describe('the certificates of docs/operations.md', () => {
  before(function () {
    if (spawnSync('openssl', ['version']).status !== 0) this.skip();
  });

  it('are made by its commands, and each side believes the other in its own place only', async () => {
    verifies('R13.remote', 'R12.tls');
    using folder = scratchFolder({});
    const [, commands = ''] = /```sh\n(new\(\) \{[^`]*)```/.exec(page) ?? [];
    const made = spawnSync('bash', ['-euc', commands], { cwd: folder.path, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const papersOf = (name: string): Papers =>
      readPapers(
        { ca: 'ca.crt', cert: `${name}.crt`, key: `${name}.key` },
        pathToFileURL(join(folder.path, 'tutti.config.ts')).href,
      );

    assert.equal(await meet(papersOf('engine-1'), papersOf('edge-1')), 'edge-1');
    assert.match(await meet(papersOf('edge-1'), papersOf('edge-1')), /^ERR_|PURPOSE/);
    assert.match(
      await meet(papersOf('engine-1'), papersOf('engine-1')),
      /^ERR_|PURPOSE|ECONNRESET/,
    );
  });
});

/** The name of whoever has connected to a server that is called `engine-1`, or why they did not find together. */
async function meet(server: Papers, client: Papers): Promise<string> {
  const met = Promise.withResolvers<string>();
  const listening = createServer(
    { ...server, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on('error', () => {});
      met.resolve(String(socket.getPeerCertificate().subject.CN));
    },
  );
  listening.on('tlsClientError', (error: NodeJS.ErrnoException) =>
    met.resolve(String(error.code ?? error.message)),
  );
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const socket = connect({ ...client, host: '127.0.0.1', port, servername: 'engine-1' });
  socket.on('error', (error: NodeJS.ErrnoException) =>
    met.resolve(String(error.code ?? error.message)),
  );
  try {
    return await met.promise;
  } finally {
    socket.destroy();
    listening.close();
  }
}
