import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import pg from 'pg';
import type { RunHead } from '../../core/engine/history/views.ts';
import { openDatabase } from '../../core/ports/db/database.ts';
import { type EmbeddedServer, openEmbedded } from '../../core/ports/db/embedded.ts';
import { json } from '../service/api/api.ts';
import { briefly } from '../support/brief-flags.ts';
import { eventually } from '../support/eventually.ts';
import { putCluster } from '../support/made-cluster.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { scratchFolder } from '../support/scratch.ts';
import { type ServedProcess, startServed } from '../support/served-process.ts';
import { openTlsFront, ownCertificate, ownKey, type TlsFront } from '../support/tls-front.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig } from './cli.ts';

const config = fixtureConfig('connected');
const items = Array.from({ length: 100 }, (_, index) => ({ id: `i${index}` }));

/** What a connection of the database's log says of one that was let in. */
const letIn = /connection authorized: user=tutti .*/g;

describe('connections under a certificate of the company itself', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let server: EmbeddedServer;
  let model: ModelServer;
  let front: TlsFront;
  let served: ServedProcess;
  /** Connections to the database before there was a server. */
  let others = 0;

  before(async () => {
    await putCluster(folder.path, 'tcp');
    server = await openEmbedded({ dataFolder: folder.path, transport: 'tcp' });
    await encrypt(server, join(folder.path, 'pg'));
    model = await startModelServer(({ messages }) =>
      messages.some(({ kind }) => kind === 'result')
        ? { text: '{"text":"four"}' }
        : { calls: [{ name: 'office-company-list', args: {} }] },
    );
    front = await openTlsFront(Number(new URL(model.url).port));
    others = connected().length;
    const env = {
      DATABASE_URL: urlOf('verify-full', 'localhost'),
      NODE_EXTRA_CA_CERTS: ownCertificate,
      OPENAI_BASE_URL: `${front.url}/v1`,
      OPENAI_API_KEY: 'sk-of-the-house',
    };
    served = await startServed({ config, cwd: folder.path, env, flags: briefly });
  });
  after(async () => {
    served.kill('SIGTERM');
    await served.ended;
    await front[Symbol.asyncDispose]();
    await model.close();
    await server.leave();
    folder[Symbol.dispose]();
  });

  function urlOf(mode: string, host: string, more = ''): string {
    const { port, password } = server.connection;
    return `postgresql://tutti:${password}@${host}:${port}/tutti?sslmode=${mode}${more}`;
  }

  const connected = () =>
    readFileSync(join(folder.path, 'postgres.log'), 'utf8').match(letIn) ?? [];

  it('are encrypted to the database, the ERP and the models, and used again and again', async () => {
    verifies('R12.tls', 'R9.pooling');
    const runs = `${served.url}/v1/runs`;
    const started = await fetch(runs, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'the only one' },
      body: JSON.stringify({ workflow: 'office', input: { items } }),
    });
    const { id } = await json<{ id: string }>(started);
    const ended = await eventually(async () => {
      const run = await json<RunHead>(await fetch(`${runs}/${id}`));
      return run.endedAt === null ? null : run;
    });

    assert.equal(ended.status, 'succeeded');
    assert.equal(model.calls.length, items.length * 2);
    const opened = connected().slice(others);
    assert.ok(opened.length > 0 && opened.every((line) => /SSL enabled/.test(line)));
    // A hundred agents ask the ERP, the journal and their model; a connection each would be far more.
    assert.ok(opened.length < items.length, `${opened.length} connections to the database`);
    assert.ok(front.connections < 20, `${front.connections} connections to the model`);
  });

  it('to a database are refused where its certificate is of somebody unknown, or for another name', async () => {
    verifies('R12.tls');
    const ca = `&sslrootcert=${encodeURIComponent(ownCertificate)}`;
    const refused = [
      urlOf('verify-full', 'localhost'),
      urlOf('verify-full', '127.0.0.1', ca),
      urlOf('disable', 'localhost'),
    ];
    const said = [];
    for (const url of refused) {
      const opening = openDatabase({ url, dataFolder: folder.path });
      const error = await opening.then(
        () => null,
        (thrown: Error & { readonly code?: string }) => thrown,
      );
      said.push([error?.code, /\((\w+)\)|28000/.exec(error?.message ?? '')?.[0]]);
    }
    assert.deepEqual(said, [
      ['DB_UNAVAILABLE', '(DEPTH_ZERO_SELF_SIGNED_CERT)'],
      ['DB_UNAVAILABLE', '(ERR_TLS_CERT_ALTNAME_INVALID)'],
      ['DB_UNAVAILABLE', '28000'],
    ]);

    const url = urlOf('verify-full', 'localhost', ca);
    const database = await openDatabase({ url, dataFolder: folder.path });
    await database.close();
  });

  it('of callers are encrypted up to the proxy in front', async () => {
    verifies('R12.tls');
    await using proxy = await openTlsFront(Number(new URL(served.url).port));
    // A proxy in front names the server behind it.
    const headers = { host: new URL(served.url).host };
    const ca = readFileSync(ownCertificate);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get(`${proxy.url}/livez`, { ca, headers, agent: false }, ({ statusCode }) =>
        resolve(statusCode),
      ).on('error', reject);
    });
    assert.equal(status, 200);
    await assert.rejects(fetch(`${proxy.url}/livez`), 'nobody else trusts it');
  });
});

/** Lets the server speak TLS only, and write down who connects. */
async function encrypt(server: EmbeddedServer, data: string): Promise<void> {
  const { uid, gid } = statSync(data);
  for (const [from, name] of [
    [ownCertificate, 'server.crt'],
    [ownKey, 'server.key'],
  ] as const) {
    copyFileSync(from, join(data, name));
    chownSync(join(data, name), uid, gid);
    // PostgreSQL takes no key that others may read, and a checkout makes it readable.
    chmodSync(join(data, name), 0o600);
  }
  const admin = new pg.Client({ ...server.connection, database: 'postgres' });
  await admin.connect();
  try {
    await admin.query(`ALTER SYSTEM SET log_connections = 'all'`);
    await admin.query(`ALTER SYSTEM SET ssl = 'on'`);
    writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
    await admin.query('SELECT pg_reload_conf()');
  } finally {
    await admin.end();
  }
}
