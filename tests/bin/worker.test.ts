import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../core/ports/db/database.ts';
import { type EmbeddedServer, openEmbedded } from '../../core/ports/db/embedded.ts';
import { briefly } from '../support/brief-flags.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { putCluster } from '../support/made-cluster.ts';
import { asAdmin, type FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startServed } from '../support/served-process.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, type Running, runCli, startCli } from './cli.ts';

const config = fixtureConfig('machines');

describe('tutti worker', function () {
  this.timeout(300_000);
  const folder = scratchFolder({});
  const log = join(folder.path, 'log');
  let server: EmbeddedServer;
  let fresh: FreshDatabase;
  let lab: TestEngine;
  let tenantId: number;
  let workers: Running[] = [];

  before(async () => {
    await putCluster(folder.path, 'tcp');
    server = await openEmbedded({ dataFolder: folder.path, transport: 'tcp' });
    const database = await openDatabase({ url: urlOf('tutti'), dataFolder: folder.path });
    fresh = { database, url: urlOf('tutti'), drop: () => database.close() };
    await asAdmin(server, `CREATE ROLE far_worker LOGIN PASSWORD 'far' IN ROLE tutti_tenant`);
    await asAdmin(server, 'CREATE DATABASE other');
    lab = await openTestEngine(new URL(`file://${config}`), { fresh });
    tenantId = await lab.host.store.tenant('far');
  });
  afterEach(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ ended }) => ended));
    workers = [];
  });
  after(async () => {
    await lab.close();
    await fresh.drop();
    await server.leave();
    folder[Symbol.dispose]();
  });

  function urlOf(name: string, login = `tutti:${server.connection.password}`): string {
    return `postgresql://${login}@127.0.0.1:${server.connection.port}/${name}`;
  }
  const ownPort = (): number => lab.engine.vitals.lanes.machines?.port ?? 0;
  function work(port: number, env: Readonly<Record<string, string>> = {}): Running {
    const place = {
      cwd: folder.path,
      env: {
        // A login that may do what agents may, and write no journal.
        ...{ DATABASE_URL: urlOf('tutti', 'far_worker:far'), LAB_LOG: log, MACHINES_AS: 'edge-1' },
        ...{ TUTTI_LOG: 'pretty', TUTTI_LOG_LEVEL: 'info', ...env },
      },
    };
    const engine = `tls://localhost:${port}`;
    const running = startCli(place, [
      'worker',
      '--engine',
      engine,
      '--pool',
      'edge',
      '--config',
      config,
    ]);
    workers.push(running);
    return running;
  }
  const lines = (): readonly string[] =>
    existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
  const begun = (id: string): readonly number[] =>
    lines()
      .filter((line) => line.startsWith(`begun ${id} `))
      .map((line) => Number(line.split(' ')[3]));
  const marks = (id: string): number =>
    lines().filter((line) => !line.startsWith('begun') && line.endsWith(` ${id}`)).length;

  it('is what a step is said to wait for while there is none; it runs the steps of its pool, and what they do outside is recorded once', async () => {
    verifies('R2.explain', 'R13.remote');
    const early = { items: [{ id: 'early', gate: '' }] };
    const ask = requestOf('far.marks', { tenantId, input: early });
    const { id: waiting } = await lab.engine.startRun(ask);
    await eventually(() => lab.engine.vitals.lanes.machines?.waiting.edge === 1);
    const place = { cwd: folder.path, env: { DATABASE_URL: urlOf('tutti') } };

    const { stdout } = await runCli(place, ['explain', waiting, '--config', config]);
    const worker = work(ownPort());
    const items = Array.from({ length: 8 }, (_, index) => ({ id: `once-${index}`, gate: '' }));
    const { id, status } = await lab.run('far.marks', { tenantId, input: { items } });

    assert.match(
      stdout,
      /\[early\] +It has waited for a machine of the pool 'edge' since \S+Z: tutti worker --pool edge\. +when nobody knows/,
    );
    assert.deepEqual([status, await lab.engine.whenEnded(waiting)], ['succeeded', 'succeeded']);
    assert.deepEqual(
      items.map((item) => [begun(item.id).length, marks(item.id)]),
      items.map(() => [1, 1]),
    );
    const pool = fresh.database.pool('tutti_engine', 1);
    const { rows } = await pool.query(
      `SELECT DISTINCT a.worker, e.state FROM tutti.attempt a JOIN tutti.effect e ON e.run_id = a.run_id WHERE a.run_id = $1 AND a.worker IS NOT NULL`,
      [id],
    );
    assert.deepEqual(rows, [{ worker: 'machine-edge', state: 'applied' }]);
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    assert.equal(code, 0, stderr);
  });

  it('loses its steps when it is killed: they run again on the next one, at no cost to their tries', async () => {
    verifies('R13.remote');
    const gate = join(folder.path, 'killed');
    const first = work(ownPort());
    const ending = lab.run('far.marks', { tenantId, input: { items: [{ id: 'killed', gate }] } });
    const [pid = 0] = await eventually(() => (begun('killed').length > 0 ? begun('killed') : null));

    first.child.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
    work(ownPort());
    await eventually(() => begun('killed').length === 2);
    writeFileSync(gate, '');

    const { id, status } = await ending;
    assert.deepEqual([status, marks('killed')], ['succeeded', 1]);
    const { rows } = await fresh.database
      .pool('tutti_engine', 1)
      .query(
        `SELECT outcome FROM tutti.attempt WHERE run_id = $1 AND worker IS NOT NULL ORDER BY attempt`,
        [id],
      );
    assert.deepEqual(
      rows.map(({ outcome }) => outcome),
      ['lost', 'succeeded'],
    );
  });

  it('writes nothing for an engine that is gone, and goes on with the one that comes after it', async () => {
    verifies('R13.remote', 'R9.take-over');
    const gate = join(folder.path, 'engine');
    const port = await freePort();
    const place = {
      cwd: folder.path,
      env: { DATABASE_URL: fresh.url, MACHINES_PORT: String(port), TUTTI_LOG: 'off' },
      flags: briefly,
    };
    const served = await startServed({ ...place, config });
    const worker = work(port);
    await worker.says(/Lanes are offered/);
    await lab.close();
    const input = { items: [{ id: 'engine', gate }] };
    const { status } = await fetch(`${served.url}/v1/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'the only one' },
      body: JSON.stringify({ workflow: 'far.marks', input }),
    });
    assert.equal(status, 202);
    const [pid = 0] = await eventually(() => (begun('engine').length > 0 ? begun('engine') : null));

    served.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
    writeFileSync(gate, '');

    assert.equal(marks('engine'), 0);
    const next = await startServed({ ...place, config });
    await eventually(() => marks('engine') === 1);
    next.kill('SIGTERM');
    await next.ended;
    assert.deepEqual([begun('engine').length, marks('engine')], [2, 1]);
    lab = await openTestEngine(new URL(`file://${config}`), { fresh });
  });

  it('is not let in with another database or other rights of agents, and says why', async () => {
    verifies('R13.remote');
    const other = { DATABASE_URL: urlOf('other', 'far_worker:far') };
    const refused = [
      work(ownPort(), other).says(/another database than the engine's/),
      work(ownPort(), { MACHINES_ROLES: 'mallory' }).says(/what its configuration allows agents/),
    ];

    for (const said of await Promise.all(refused)) assert.match(said, /code=MACHINE_REFUSED/);
  });

  it('says what it needs before it begins', async () => {
    verifies('R13.remote');
    const called = (args: readonly string[], env: Readonly<Record<string, string>>) =>
      runCli({ cwd: folder.path, env }, ['worker', ...args]);
    const engine = ['--engine', 'tls://localhost:1', '--pool', 'edge'];
    const ends = await Promise.all([
      called(['--pool', 'edge'], {}),
      called(['--engine', 'http://localhost', '--pool', 'edge'], {}),
      called([...engine, '--config', config], {}),
      called([...engine, '--config', fixtureConfig('lab')], { DATABASE_URL: fresh.url }),
    ]);

    assert.deepEqual(
      ends.map(({ code, stderr }) => [code, /(?<=: ).*/.exec(stderr)?.[0]]),
      [
        [2, 'tutti worker needs --engine; see: tutti help worker'],
        [2, "'http://localhost' is no address of an engine; write tls://host:4885"],
        [1, 'A worker needs DATABASE_URL, the server that its engines use, too.'],
        [1, 'A worker needs `machines` in the configuration, with its certificate.'],
      ],
    );
  });
});

/** Whether a process runs. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
