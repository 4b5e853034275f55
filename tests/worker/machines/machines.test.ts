import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicNs } from '../../../core/base/lease-clock.ts';
import { longestMessage } from '../../../worker/pool/frames.ts';
import { isolationBy } from '../../../worker/pool/isolation.ts';
import { Pool } from '../../../worker/pool/pool.ts';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { FarLab, type FarMachine } from '../../support/far-lab.ts';
import { type Ended, heldLease, Jobs, until } from '../../support/lab-pool.ts';
import { machinesSetup } from '../../support/machines-setup.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const { setup, registry } = machinesSetup;
const secondNs = 1_000_000_000n;

interface Place {
  readonly as: string;
  readonly pid: number;
  readonly secrets: number;
}

function placeOf(ended: Ended): Place {
  assert.ok(ended.kind === 'succeeded', JSON.stringify(ended));
  return JSON.parse(ended.output);
}

let lab: FarLab;

/** The next job of this machine ends well. */
async function works(): Promise<void> {
  placeOf(await lab.jobs.send('far.place', {}).ended);
}
/** Jobs that machines have. */
const running = (): number =>
  (lab.pool.health.machines?.lanes ?? []).reduce((sum, lane) => sum + lane.running, 0);
const waiting = (): unknown => lab.pool.health.machines?.waiting;

describe('agents on other machines', () => {
  before(async () => {
    lab = await FarLab.open();
  });
  after(() => lab.close());

  /** The one that the last test has left, or another. */
  let here: FarMachine | null = null;
  async function aMachine(): Promise<FarMachine> {
    if (!here || lab.ready === 0) here = await lab.machine();
    return here;
  }

  it('wait until a machine of their pool is there, and run on it in a process that has no secret of the engine', async () => {
    verifies('R13.remote');
    const sent = lab.jobs.send('far.place', {});
    assert.equal(sent.worker, 'machine-edge');
    assert.deepEqual(
      [waiting(), [...lab.pool.awaiting]],
      [{ edge: 1 }, [[sent.ref, { kind: 'machine', pool: 'edge' }]]],
    );
    const other = await lab.machine({ pools: ['other'] });
    assert.deepEqual(waiting(), { edge: 1 });

    here = await lab.machine({ env: { DATABASE_URL: 'postgresql://of-the-machine' } });

    const { as, pid, secrets } = placeOf(await sent.ended);
    assert.deepEqual([as, secrets, lab.pool.awaiting.size], ['edge-1', 0, 0]);
    assert.ok(![process.pid, here.child.pid].includes(pid));
    const lanes = lab.pool.health.machines?.lanes.map(({ machine: name, pools }) => [name, pools]);
    assert.deepEqual(lanes, [
      ['edge-1', ['other']],
      ['edge-1', ['edge']],
    ]);
    other.child.kill('SIGKILL');
    await until(() => lab.ready === 1, 'one is left');
  });

  it('are ended from outside, whether they wait or run', async () => {
    verifies('R13.remote', 'R8.cancel');
    const waits = lab.jobs.send('far.guarded', {});
    const error = { code: 'CANCELLED', message: 'by the test' } as const;
    lab.pool.cancel(waits.ref, error);
    assert.equal((await waits.ended).kind, 'failed');
    await aMachine();
    const runs = lab.jobs.send('far.place', { what: 'stays' });

    lab.pool.cancel(runs.ref, error);

    assert.equal((await runs.ended).kind, 'failed');
  });

  describe('on a machine that stays', () => {
    before(async () => {
      await aMachine();
    });

    for (const [what, reason] of [
      ['killed', /'edge-1', its process was ended by SIGKILL/],
      ['blocks', /'edge-1', it did not yield/],
    ] as const) {
      it(`harm only the lane's process with '${what}', which is there again for the next`, async () => {
        verifies('R13.remote', 'R8.isolation');
        const ended = await lab.jobs.send('far.place', { what }).ended;

        assert.ok(ended.kind === 'lost' && ended.suspect, JSON.stringify(ended));
        assert.match(ended.reason, reason);
        await works();
      });
    }

    it('run alone there when they are suspects, in a process that nobody had before them, and whoever comes after begins anew', async () => {
      verifies('R13.remote', 'R8.quarantine');
      const beside = lab.jobs.send('far.place', { ms: 300 });
      const alone = lab.jobs.send('far.place', { ms: 300 }, { alone: true });
      const after = lab.jobs.send('far.place', {});
      await until(() => running() === 1, 'one runs');
      assert.deepEqual(waiting(), { edge: 2 });

      const pids = await Promise.all(
        [beside, alone, after].map(async ({ ended }) => placeOf(await ended).pid),
      );
      // What the first has left behind would be blamed on the suspect.
      assert.notEqual(pids[0], pids[1]);
      assert.equal(pids[1], pids[2]);

      const killed = await lab.jobs.send('far.place', { what: 'killed' }, { alone: true }).ended;
      assert.ok(killed.kind === 'lost' && killed.suspect, JSON.stringify(killed));
      assert.notEqual(placeOf(await lab.jobs.send('far.place', {}).ended).pid, pids[0]);
    });

    it('find what is declared anew, in a process that begins anew', async () => {
      verifies('R13.remote');
      const before = placeOf(await lab.jobs.send('far.place', {}).ended).pid;
      const under = lab.jobs.send('far.place', { ms: 500 });
      await until(() => running() === 1, 'it runs');

      await lab.pool.declare({ modules: [], digest: setup.digest });

      const after = lab.jobs.send('far.place', {});
      assert.equal(placeOf(await under.ended).pid, before);
      assert.notEqual(placeOf(await after.ended).pid, before);
    });

    it('are told when what they take or bring is too large for a message, and harm nobody', async () => {
      verifies('R13.remote');
      const beside = lab.jobs.send('far.place', { ms: 1_000 });
      const what = 'x'.repeat(longestMessage);

      for (const [input, code] of [
        [{ what }, 'MACHINE_MESSAGE'],
        [{ what: 'asks', bytes: longestMessage }, 'RESULT_UNCLONABLE'],
        [{ bytes: longestMessage }, 'OUTPUT_INVALID'],
      ] as const) {
        const refused = await lab.jobs.send('far.place', input).ended;
        assert.ok(refused.kind === 'failed', refused.kind);
        assert.equal(refused.error.code, code);
      }

      const { pid } = placeOf(await beside.ended);
      assert.equal(placeOf(await lab.jobs.send('far.place', {}).ended).pid, pid);
    });
  });

  describe('on a machine that goes', () => {
    it('are lost with their machine, once what it was told may no longer hold, and nobody is blamed', async () => {
      verifies('R13.remote');
      const machine = await aMachine();
      const sent = lab.jobs.send('far.place', { what: 'stays' });
      await until(() => running() === 1, 'it runs');
      let isOver = false;
      void sent.ended.then(() => {
        isOver = true;
      });

      machine.child.kill('SIGKILL');
      await until(() => lab.ready === 0, 'the connection is lost');

      // Its process may live on: only when its word has run out nothing of it can write.
      assert.equal(isOver, false);
      const ended = await sent.ended;
      assert.ok(ended.kind === 'lost' && ended.suspect === null, JSON.stringify(ended));
      here = await lab.machine();
      await works();
    });

    it('leave a machine that is asked to end with its last job', async () => {
      verifies('R13.remote', 'R13.graceful');
      const machine = await aMachine();
      const last = lab.jobs.send('far.place', { ms: 1_000 });
      await until(() => running() === 1, 'it runs');

      machine.child.kill('SIGTERM');
      await until(() => lab.ready === 0, 'it says that it leaves');
      const next = lab.jobs.send('far.place', {});

      assert.equal(placeOf(await last.ended).as, 'edge-1');
      assert.deepEqual(await machine.ended, [0, null]);
      assert.deepEqual(waiting(), { edge: 1 });
      here = await lab.machine();
      placeOf(await next.ended);
    });

    it('do not outlive their engine, which ends when nothing of them can write', async () => {
      verifies('R13.remote', 'R3.cleanup');
      await aMachine();
      const { pid } = placeOf(await lab.jobs.send('far.place', {}).ended);
      lab.jobs.send('far.place', { what: 'stays' });
      await until(() => running() === 1, 'it runs');
      assert.ok(process.kill(pid, 0));

      await lab.pool.stop();

      assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    });
  });
});

describe('agents that are to run on other machines', () => {
  it('are refused by an engine that lets no machines in, and stay at home in a plan', async () => {
    verifies('R13.remote');
    for (const isHome of [false, true]) {
      const isolation = isolationBy({}, registry, { isHome });
      const pool: Pool = new Pool({ setup, threads: 1, isolation });
      const jobs: Jobs = new Jobs(() => pool);
      await pool.start(jobs, heldLease());
      const sent = jobs.send('far.place', {});
      const ended = await sent.ended;
      await pool.stop();

      if (isHome) assert.deepEqual([sent.worker, placeOf(ended).as], ['apart-far', 'engine']);
      else assert.match(JSON.stringify(ended), /CONFIG_INVALID.*configure `machines`/);
    }
  });

  it('are those that declare it, unless the configuration says otherwise', () => {
    verifies('R13.remote');
    const agents = {
      'far.guarded': 'thread',
      'far.marker': 'process',
      'tool.x': { machine: 'a' },
    } as const;
    const declared = isolationBy({}, registry);
    const configured = isolationBy({ agents }, registry);
    const names = ['far.place', 'far.marker', 'far.guarded', 'tool:tool.x'];

    const said = (isolation: typeof declared) =>
      names.map((agent) => {
        const place = isolation.placeOf({ agent });
        return place && ('pool' in place ? place.pool : place.module);
      });

    assert.deepEqual(said(declared), ['edge', 'edge', 'guarded', null]);
    assert.deepEqual(said(configured), ['edge', 'far', null, 'a']);
  });
});

describe('agents on a machine behind a bad line', () => {
  before(async () => {
    lab = await FarLab.open();
  });
  after(() => lab.close());

  it('go on when a connection that is only silent is found out, both sides by themselves', async () => {
    verifies('R13.remote');
    await using proxy = await ChaosProxy.open({ host: '127.0.0.1', port: lab.port });
    const machine = await lab.machine({ port: proxy.connection.port as number });
    const sent = lab.jobs.send('far.place', { what: 'stays' });
    await until(() => running() === 1, 'it runs');

    proxy.freeze('open');

    const ended = await sent.ended;
    assert.ok(ended.kind === 'lost' && ended.suspect === null, JSON.stringify(ended));
    assert.match(ended.reason, /nothing was heard of it/);
    await until(
      () => machine.said.some(({ reason }) => reason !== undefined),
      'the machine has found it out',
    );
    await until(() => lab.ready === 1, 'it has come again');
    await works();
  });
});

describe('an agent on another machine, before it writes outside', () => {
  const folder = scratchFolder({});
  const log = join(folder.path, 'log');
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
    lab = await FarLab.open(fresh.database.connectionConfig);
  });
  beforeEach(async () => {
    lab.lease.untilNs = monotonicNs() + 600n * secondNs;
    if (lab.ready === 0) await lab.machine({ env: { LAB_LOG: log } });
  });
  after(async function () {
    await lab.close();
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  const mark = (id: string, ms: number): Promise<Ended> =>
    lab.jobs.send('far.marker', { id, ms, gate: '' }).ended;
  const marks = (): readonly string[] =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => !line.startsWith('begun'))
      : [];
  const has = (id: string): boolean => marks().some((line) => line.endsWith(` ${id}`));

  it("asks for its engine's word, and writes while it holds", async () => {
    verifies('R13.remote');
    const ended = await mark('held', 0);

    assert.equal(ended.kind, 'succeeded', JSON.stringify(ended));
    assert.ok(has('held'));
  });

  it('writes for longer than one word holds, since it is renewed', async () => {
    verifies('R13.remote');
    const ended = await mark('renewed', 13_000);

    assert.equal(ended.kind, 'succeeded', JSON.stringify(ended));
    assert.ok(has('renewed'));
  });

  it("writes nothing once its engine's lease may have run out, and is lost", async () => {
    verifies('R13.remote', 'R8.isolation');
    // Later than any word can end that was given before.
    const late = mark('late', 15_000);
    lab.lease.untilNs = monotonicNs() + 2n * secondNs;

    const ended = await late;

    assert.ok(ended.kind === 'lost', JSON.stringify(ended));
    await until(() => lab.ready === 0, 'the machine has given up');
    assert.equal(has('late'), false);
  });
});
