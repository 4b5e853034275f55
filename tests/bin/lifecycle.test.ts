import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { RunSummary } from '../../core/engine/history/views.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, runProcess, shopConfig, startCli } from './cli.ts';

const shop = ['--config', shopConfig];

describe('the life of a command', () => {
  const folder = scratchFolder({});
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await booksDatabase();
  });

  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  /** The database, and a gate of its own that runs of `gated` wait for. */
  const placeWith = (gate: string): Place & { readonly open: () => void } => ({
    cwd: folder.path,
    env: {
      DATABASE_URL: fresh.url,
      TUTTI_TEST_GATE: join(folder.path, gate),
      TUTTI_DRAIN_MS: '1500',
    },
    open: () => writeFileSync(join(folder.path, gate), ''),
  });

  it('an interrupted run goes on with the next command that has its key', async () => {
    verifies('R13.graceful');
    const place = placeWith('interrupted');
    const first = startCli(place, ['run', 'gated', '--key', 'night', ...shop]);
    const id = /Run (\S+) of/.exec(await first.says(/1 running/))?.[1];
    first.child.kill('SIGINT');
    const interrupted = await first.ended;
    assert.equal(interrupted.code, 130);
    assert.match(
      interrupted.stdout,
      /Interrupted\. What runs gets up to 1\.5 s .*goes on where it stopped/,
    );

    place.open();
    const second = await runProcess(place, ['run', 'gated', '--key', 'night', '--json', ...shop]);

    assert.equal(second.code, 0, second.stderr);
    const { runId, status } = JSON.parse(second.stdout) as RunSummary;
    assert.deepEqual([runId, status], [id, 'succeeded']);
  });

  it('a second signal ends it at once', async () => {
    const { cwd, env } = placeWith('never');
    const place = { cwd, env: { ...env, TUTTI_DRAIN_MS: '600000' } };
    const running = startCli(place, ['run', 'gated', ...shop]);
    await running.says(/1 running/);
    running.child.kill('SIGTERM');
    // Two that come before the process has a core are one.
    await running.says(/Interrupted/);
    running.child.kill('SIGTERM');

    const { code } = await running.ended;

    assert.ok(code === 143, `exit code ${code}`);
  });

  it('beside a live engine a run is submitted and followed, and outlives that engine', async () => {
    verifies('R13.several-engines', 'R9.follow');
    const place = placeWith('taken-over');
    const server = startCli(place, ['serve', '--port', '0', ...shop]);
    await server.says(/Serving until/);
    const follower = startCli(place, ['run', 'gated', '--json', ...shop]);
    await follower.says(/Another process .*following.*1 running/s);

    server.child.kill('SIGKILL');
    await follower.says(/has gone; this one goes on/);
    place.open();

    const { code, stdout } = await follower.ended;
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as RunSummary).status, 'succeeded');
  });

  it('serve answers with the report of a run and ends with 0 on SIGTERM', async () => {
    const place = placeWith('served');
    const server = startCli(place, ['serve', '--port', '0', ...shop]);
    const said = await server.says(/Serving until/);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '';
    assert.match(said, /programs of this machine need no key/);
    assert.match(said, /Console +http:.*\/console\/$/m);
    const run = await runCli(place, ['run', 'nightly', '--json', ...shop]);

    const { runId } = JSON.parse(run.stdout) as RunSummary;
    const page = await (await fetch(`${url}/report/${runId}`)).text();
    assert.match(page, new RegExp(`data-run="${runId}"`));

    server.child.kill('SIGTERM');
    const ended = await server.ended;
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    assert.match(ended.stdout, /Ending: .*what runs gets up to 1\.5 s to end/);
    await assert.rejects(fetch(`${url}/livez`));
  });

  it('a command comes to its end when nobody hears what it says meanwhile', async () => {
    const running = startCli(placeWith('unheard'), ['run', 'nightly', '--json', ...shop]);
    running.child.stderr?.destroy();

    const { code, stdout } = await running.ended;

    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as RunSummary).status, 'succeeded');
  });

  it('a command says in one line that its result cannot be written, and fails', async function () {
    if (process.platform !== 'linux') this.skip();
    const full = openSync('/dev/full', 'w');

    const { code, stderr } = await startCli(placeWith('full'), ['help'], full).ended;

    closeSync(full);
    assert.equal(code, 1);
    assert.match(stderr, /^[^\n]*\(ENOSPC\)[^\n]*\n$/);
  });

  it('doctor names what must be mended and how', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const place = placeWith('doctor');
    const down = { ...place, env: { DATABASE_URL: 'postgresql://anna:secret@127.0.0.1:1/none' } };
    const { port } = taken.address() as AddressInfo;
    const [well, ill] = await Promise.all([
      runCli(place, ['doctor', '--port', '0', ...shop]),
      runCli(down, ['doctor', '--port', String(port), ...shop]),
    ]);
    taken.close();

    assert.equal(well.code, 0, well.stdout);
    assert.match(well.stdout, /ok +Database .*roles tutti_engine and tutti_tenant/);
    assert.match(well.stdout, /note +Models .*\n +.*OPENAI_API_KEY/);
    assert.match(well.stdout, /note +Secrets .* as it is\n +.*TUTTI_SECRETS_KEY/);
    assert.equal(ill.code, 1);
    assert.match(
      ill.stdout,
      /MEND +Database +127\.0\.0\.1:1\/none: DB_UNAVAILABLE.*\n +Check DATABASE_URL/,
    );
    assert.match(ill.stdout, /MEND +Port .*in use\n +.*--port/);
    assert.doesNotMatch(ill.stdout, /secret/);
  });
});

describe('tutti start on a data folder', () => {
  it('loads the company once, says so, and leaves its database in order', async () => {
    using folder = scratchFolder({ '.env': 'TUTTI_DATA=data\n' });
    const place = { cwd: folder.path, env: {} };

    const first = await runProcess(place, ['start', '--exit', ...shop]);
    const second = await runProcess(place, ['start', '--exit', ...shop]);

    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /its own PostgreSQL 1\d/);
    assert.match(first.stdout, new RegExp(`Data +${join(folder.path, 'data')}`));
    assert.match(first.stdout, /Models +none, agents run their playbooks; set OPENAI_API_KEY/);
    assert.match(first.stdout, /Company +Meridian Components, .* loaded in/);
    assert.match(first.stdout, /nightly succeeded, 4 proposals open/);
    assert.ok(existsSync(join(folder.path, 'report.html')));
    assert.ok(existsSync(join(folder.path, 'data/pg')), 'its database goes with the folder');
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /Company .* found where an earlier start left it/);
    assert.ok(!readdirSync(join(folder.path, 'data')).some((name) => name.endsWith('.pid')));
  });
});
