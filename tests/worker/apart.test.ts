import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/base/clock.ts';
import type { IsolationConfig } from '../../core/ports/config.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import { Apart } from '../../worker/pool/apart.ts';
import { isolationBy } from '../../worker/pool/isolation.ts';
import { Pool, type PoolOptions } from '../../worker/pool/pool.ts';
import { apartSetup } from '../support/apart-setup.ts';
import { briefFlags } from '../support/brief-flags.ts';
import { openTestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, heldLease, Jobs, type Sent, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

const { setup, registry } = apartSetup;

/** What ends a process, with the reason that is told. */
const deadly: readonly (readonly [string, RegExp])[] = [
  ['killed', /its process was ended by SIGKILL/],
  ['exits', /exited with code: 1/],
  ['blocks', /did not yield/],
  ['hoards', /its heap held \d+ MB \(limit 128\)|memory/],
];

/** What a process may say that no engine can use. */
const nonsense = [
  'nothing',
  'a number',
  'an unknown word',
  'no messages',
  'messages that are none',
  'no vitals',
  'odd vitals',
  'bytes that are no word',
] as const;

let pool: Pool;
let jobs: Jobs;

async function open(
  isolation: IsolationConfig = {},
  options: Partial<PoolOptions> = {},
): Promise<void> {
  pool = new Pool({ setup, threads: 1, isolation: isolationBy(isolation, registry), ...options });
  jobs = new Jobs(() => pool);
  await pool.start(jobs, heldLease());
}

/** The process that a job has run in. */
async function pidOf(sent: Sent): Promise<number> {
  return placeOf(await sent.ended).pid;
}

describe('agents that are kept apart', () => {
  afterEach(() => pool.stop());

  it('harm only their own process, however they bring it down, which is there again for the next', async () => {
    verifies('R13.isolation', 'R8.isolation');
    await open({ heapMb: 128 });
    for (const [what, reason] of deadly) {
      const before = await pidOf(jobs.send('east.apart', {}));
      const beside = [jobs.send('west.apart', { ms: 300 }), jobs.send('east.plain', { ms: 300 })];

      const ended = await jobs.send('east.apart', { what }).ended;

      assert.ok(ended.kind === 'lost' && ended.suspect, `${what}: ${JSON.stringify(ended)}`);
      assert.match(ended.reason, reason);
      await Promise.all(beside.map(pidOf));
      assert.notEqual(await pidOf(jobs.send('east.apart', {})), before, what);
      const { lanes, ready, zombies, restarts } = pool.health;
      assert.deepEqual([lanes, ready, zombies, restarts], [1, 1, 0, 0], what);
    }
  });

  it('leave no process behind that has nothing to do', async () => {
    verifies('R3.cleanup');
    await open({}, { idleMs: 50 });
    await jobs.send('east.apart', {}).ended;

    await until(() => pool.health.apart === 0, 'the process is ended');

    assert.equal((await jobs.send('east.apart', {}).ended).kind, 'succeeded');
  });

  it('are told when their process does not start', async () => {
    const events: Jobs = new Jobs(() => ({
      run: (job) => apart.run('east', job),
      tell: (message) => void apart.tell(message),
    }));
    const apart = new Apart({
      setup: { ...setup, digest: 'of another engine' },
      ...{ clock: systemClock, lease: heldLease(), events, processes: 1 },
      freshness: new Freshness(),
    });
    try {
      const ended = await events.send('east.apart', {}).ended;

      assert.ok(ended.kind === 'failed', JSON.stringify(ended));
      assert.match(ended.error.message, /module 'east' .*does not start: .*other declarations/);
    } finally {
      await apart.stop();
    }
  });
});

describe('agents that are kept apart in one process for all', () => {
  before(() => open({ processes: 1 }));
  after(() => pool.stop());

  it('are known to wait until the process of their module is there for them', async () => {
    verifies('R2.explain', 'R13.isolation');
    const [east, west] = [jobs.send('east.apart', {}), jobs.send('west.apart', {})];
    assert.deepEqual(
      [...pool.awaiting],
      [
        [east.ref, { kind: 'process', module: 'east' }],
        [west.ref, { kind: 'process', module: 'west' }],
      ],
    );

    await pidOf(east);
    assert.equal(pool.awaiting.has(east.ref), false);
    await pidOf(west);
    assert.equal(pool.awaiting.size, 0);
  });

  it('take turns where there is one process for two modules, and never share it', async () => {
    verifies('R13.isolation');
    const sent = Array.from({ length: 12 }, (_, index) =>
      jobs.send(index % 2 === 0 ? 'east.apart' : 'west.apart', { ms: 20 }),
    );
    let most = 0;
    const ends = sent.map(async (each, index) => {
      const pid = await pidOf(each);
      most = Math.max(most, pool.health.apart ?? 0);
      return { pid, module: index % 2 };
    });

    const places = await Promise.all(ends);

    const shared = places.filter((one) =>
      places.some((other) => other.pid === one.pid && other.module !== one.module),
    );
    assert.deepEqual([shared, most], [[], 1]);
  });

  it('do not keep another module waiting for as long as they have more to do', async () => {
    verifies('R13.isolation');
    await jobs.send('east.apart', {}).ended;
    let isOver = false;
    // Of so many that take different times one is always there: its process never has nothing to do.
    let left = 400;
    const goOn = async (ms: number): Promise<void> => {
      for (; !isOver && left > 0; left -= 1) await jobs.send('east.apart', { ms }).ended;
    };
    const busy = Promise.all([23, 29, 31, 37, 41, 43].map(goOn));

    const ended = await jobs.send('west.apart', {}).ended;

    isOver = true;
    assert.equal(ended.kind, 'succeeded');
    assert.ok(left > 0, 'it came only when the other had nothing more');
    await busy;
  });

  it('are ended from outside, whether they wait or run', async () => {
    verifies('R8.cancel');
    const [runs, waits] = ['east.apart', 'west.apart'].map((agent) =>
      jobs.send(agent, { ms: 3_600_000 }),
    ) as [Sent, Sent];
    const error = { code: 'CANCELLED', message: 'by the test' } as const;

    for (const { ref } of [waits, runs]) pool.cancel(ref, error);

    for (const { ended } of [waits, runs]) assert.equal((await ended).kind, 'failed');
  });
});

describe('an agent that is kept apart', () => {
  const { DATABASE_URL: known } = process.env;

  before(async () => {
    process.env.DATABASE_URL = 'postgresql://somewhere';
    await open();
  });
  after(async () => {
    if (known === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = known;
    await pool.stop();
  });

  it('runs in one process with those of its module, in none with others, and without the secrets that are only the engine’s', async () => {
    verifies('R13.isolation', 'R3.custom-executor');
    assert.equal(pool.health.apart, 0, 'no process before it is needed');
    const agents = ['east.apart', 'east.other', 'east.apart', 'west.apart', 'east.plain'];
    const sent = agents.map((agent) => jobs.send(agent, {}));

    const places = await Promise.all(sent.map(async ({ ended }) => placeOf(await ended)));

    const [east, other, again, west, plain] = places.map(({ pid }) => pid);
    assert.deepEqual([other, again], [east, east]);
    assert.equal(new Set([east, west, plain]).size, 3);
    assert.equal(plain, process.pid);
    assert.deepEqual(
      sent.map(({ worker }) => worker),
      ['apart-east', 'apart-east', 'apart-east', 'apart-west', 'lane-1'],
    );
    const secrets = places.map((place) => place.secrets);
    assert.deepEqual(secrets.slice(0, -1), [0, 0, 0, 0]);
    assert.notEqual(secrets.at(-1), 0);
  });

  it('is blamed for no death that another one may have caused', async () => {
    verifies('R13.isolation', 'R8.isolation');
    await jobs.send('east.apart', {}).ended;
    const sent = [jobs.send('east.other', { ms: 60_000 }), jobs.send('east.apart', { ms: 60_000 })];
    jobs.send('east.apart', { what: 'killed', ms: 50 });

    for (const { ended } of sent) {
      const end = await ended;
      assert.ok(end.kind === 'lost' && !end.suspect, JSON.stringify(end));
    }
  });

  it('is apart as a suspect, too: who is alone is in no process of another module', async () => {
    verifies('R13.isolation', 'R8.quarantine');
    const sent = ['east.apart', 'west.apart', 'west.plain'].map((agent) =>
      jobs.send(agent, {}, { alone: true }),
    );

    const pids = await Promise.all(sent.map(pidOf));

    assert.equal(new Set([...pids, process.pid]).size, 4, pids.join(' '));
  });

  it('finds what is declared anew, in a process that begins anew', async () => {
    const before = await pidOf(jobs.send('east.apart', {}));
    const under = jobs.send('east.apart', { ms: 500 });

    await pool.declare({ modules: [], digest: setup.digest });

    const after = jobs.send('east.apart', {});
    assert.equal(await pidOf(under), before);
    assert.notEqual(await pidOf(after), before);
  });

  for (const what of nonsense) {
    it(`harms only its own process where that says ${what}`, async () => {
      verifies('R13.isolation', 'R8.isolation');
      const before = await pidOf(jobs.send('east.apart', {}));
      const beside = [jobs.send('west.apart', { ms: 300 }), jobs.send('east.plain', { ms: 300 })];

      const ended = await jobs.send('east.apart', { what: `says ${what}` }).ended;

      assert.ok(ended.kind === 'lost' && ended.suspect, JSON.stringify(ended));
      assert.match(ended.reason, /it said what cannot be used/);
      await Promise.all(beside.map(pidOf));
      assert.notEqual(await pidOf(jobs.send('east.apart', {})), before);
    });
  }
});

describe('an engine with agents that are kept apart', () => {
  it('is not outlived by them', async () => {
    verifies('R13.isolation', 'R3.cleanup');
    const fixture = new URL('../support/fixtures/apart-engine.ts', import.meta.url);
    const engine = spawn(process.execPath, [...briefFlags, fileURLToPath(fixture)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(engine.stdout.setEncoding('utf8'), 'data')) as [string];
      const pid = Number(line);
      assert.ok(isAlive(pid), line);

      engine.kill('SIGKILL');

      await eventually(() => !isAlive(pid));
    } finally {
      engine.kill('SIGKILL');
    }
  });

  it('keeps those apart that declare it, unless the configuration says otherwise by the first pattern that fits', () => {
    verifies('R13.isolation');
    const agents = { 'east.apart': 'thread', 'west.*': 'process', 'east.*': 'process' } as const;
    const [declared, configured] = [isolationBy({}, registry), isolationBy({ agents }, registry)];
    const names = [
      'east.apart',
      'east.other',
      'east.plain',
      'west.plain',
      'tool:west.ring',
      'own.x',
    ];

    const said = (isolation: typeof declared) =>
      names.map((agent) => {
        const place = isolation.placeOf({ agent });
        return place && 'module' in place ? place.module : null;
      });

    assert.deepEqual(said(declared), ['east', 'east', null, null, null, null]);
    assert.deepEqual(said(configured), [null, 'east', 'east', 'west', 'west', null]);
  });

  it('counts deaths of their process as of any thread: who causes them is proven guilty, the others end well', async function () {
    verifies('R13.isolation', 'R8.quarantine');
    const config = new URL('../support/fixtures/apart.config.ts', import.meta.url);
    const lab = await openTestEngine(config);
    try {
      const items = ['', '', 'killed', ''].map((what, id) => ({ id: `i${id}`, what }));
      const tenantId = await lab.host.store.tenant('apart');

      const { id } = await lab.run('east.all', { tenantId, input: { items } });

      const { rows } = await lab.host.database.pool('tutti_engine', 1).query(
        `SELECT item_key, status, error->>'code' AS code,
           (SELECT array_agg(DISTINCT worker ORDER BY worker) FROM tutti.attempt a
            WHERE a.run_id = s.run_id AND a.step = s.id AND worker IS NOT NULL) AS workers
         FROM tutti.step s WHERE run_id = $1 AND item_key <> '' ORDER BY item_key`,
        [id],
      );
      assert.deepEqual(
        rows.map(({ status, code }) => code ?? status),
        ['succeeded', 'succeeded', 'STEP_CRASHED', 'succeeded'],
      );
      for (const { workers } of rows)
        assert.ok(
          workers.every((name: string) => /^(apart-east|quarantine)$/.test(name)),
          workers,
        );
    } finally {
      await lab.close(this);
    }
  });
});

function placeOf(ended: Ended): { readonly pid: number; readonly secrets: number } {
  assert.ok(ended.kind === 'succeeded', JSON.stringify(ended));
  return JSON.parse(ended.output);
}

/** Whether a process runs; one that has ended and waits for its parent to look does not. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
