import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { readModules, withModules } from '../../core/ports/module-code.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import { Pool } from '../../worker/pool/pool.ts';
import { type ScaledLane, Scaling } from '../../worker/pool/scaling.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import visited from '../support/fixtures/visited.config.ts';
import { heldLease, Jobs, labSetup, type Sent, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

const second = 1_000;
const minute = 60 * second;

/** A lane whose thread yields, and uses `share` of a core. */
class StageLane implements ScaledLane {
  isReady = true;
  isStuck = false;
  load = 0;
  share = 0;
  beat = 0;
  cpuMs = 0;

  pass(ms: number): void {
    if (this.isStuck) return;
    this.beat += 1;
    this.cpuMs += ms * this.share;
  }
}

/** Lanes that come and go as is wanted, over a clock that stands still. */
class Stage {
  readonly clock = new FakeClock();
  readonly lanes: StageLane[] = [];
  /** What was wanted, in turn. */
  readonly told: number[] = [];
  readonly scaling: Scaling;
  /** Whether new lanes are ready at once. */
  isQuick = true;

  constructor(least: number, most: number) {
    this.scaling = new Scaling({
      ...{ range: { least, most }, clock: this.clock },
      lanes: () => this.lanes,
      changed: () => {
        this.told.push(this.scaling.wanted);
        this.#fit();
      },
    });
    this.#fit();
    this.scaling.start();
  }

  /** Moves on; lanes beat ten times a second. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      for (const lane of this.lanes) lane.pass(100);
      this.clock.pass(100);
    }
  }

  /** Gives all lanes as much to do. */
  busy(what: { readonly share?: number; readonly load?: number }): void {
    for (const lane of this.lanes) Object.assign(lane, what);
  }

  #fit(): void {
    this.lanes.splice(this.scaling.wanted);
    while (this.lanes.length < this.scaling.wanted) {
      const lane = new StageLane();
      lane.isReady = this.isQuick;
      this.lanes.push(lane);
    }
  }
}

describe('the number of lanes', () => {
  it('grows by one while lanes compute, again when that is not enough, and never beyond the most', () => {
    verifies('R3.scaling');
    const stage = new Stage(1, 3);
    for (let times = 0; times < 40; times += 1) {
      stage.busy({ share: 0.9 });
      stage.pass(250);
    }

    assert.deepEqual(stage.told, [2, 3]);
  });

  it('grows for many agents that only wait, and for one that never yields', () => {
    verifies('R3.scaling');
    const waiting = new Stage(1, 4);
    waiting.busy({ load: 129 });
    waiting.pass(second);
    const stuck = new Stage(1, 4);
    stuck.busy({ load: 2 });
    for (const lane of stuck.lanes) lane.isStuck = true;
    stuck.pass(second);

    assert.deepEqual([waiting.told, stuck.told], [[2], [2]]);
  });

  it('stays for a burst that is soon over, and for lanes that wait for a core', () => {
    const stage = new Stage(1, 4);
    stage.busy({ share: 1 });
    stage.pass(300);
    stage.busy({ share: 0.5 });
    stage.pass(minute);

    assert.deepEqual(stage.told, []);
  });

  it('waits for the lane that is on its way before it grows again', () => {
    verifies('R3.scaling');
    const stage = new Stage(1, 4);
    stage.isQuick = false;
    stage.busy({ share: 1, load: 600 });
    stage.pass(minute);
    const meanwhile = [...stage.told];
    for (const lane of stage.lanes) lane.isReady = true;
    stage.pass(second);

    assert.deepEqual([meanwhile, stage.told[1]], [[2], 3]);
  });

  it('shrinks by one after each minute of calm, and never below the least', () => {
    verifies('R3.scaling');
    const stage = new Stage(2, 4);
    stage.busy({ load: 1_000 });
    stage.pass(3 * second);
    assert.equal(stage.scaling.wanted, 4);
    stage.busy({ load: 0 });

    const wanted = Array.from({ length: 4 }, () => {
      stage.pass(minute);
      return stage.scaling.wanted;
    });

    assert.deepEqual(wanted, [3, 2, 2, 2]);
  });

  it('begins to count the calm anew after each load', () => {
    const stage = new Stage(1, 2);
    stage.busy({ load: 200 });
    stage.pass(2 * second);
    for (let times = 0; times < 10; times += 1) {
      stage.busy({ load: 0 });
      stage.pass(50 * second);
      stage.busy({ load: 100 });
      stage.pass(second);
    }

    assert.deepEqual(stage.told, [2]);
  });

  it('looks at nothing where it is fixed', () => {
    const { clock } = new Stage(2, 2);

    assert.equal(clock.nextAt, null);
  });

  it('stays in its bounds, one step at a time, whatever the lanes do', () => {
    verifies('R3.scaling');
    const moment = fc.record({
      load: fc.integer({ min: 0, max: 600 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      ms: fc.constantFrom(300, second, minute),
    });
    const range = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(4));
    fc.assert(
      fc.property(range, fc.array(moment, { maxLength: 12 }), ([least, more], moments) => {
        const stage = new Stage(least, least + more);
        for (const { ms, ...what } of moments) {
          stage.busy(what);
          stage.pass(ms);
        }

        let before = least;
        for (const wanted of stage.told) {
          assert.equal(Math.abs(wanted - before), 1);
          assert.ok(wanted >= least && wanted <= least + more);
          before = wanted;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a pool of one lane that may have two', () => {
  const cancelled = { code: 'CANCELLED', message: 'by the test' } as const;
  /** Threads that have begun since the pool was opened, and those that have ended. */
  let begun: Worker[];
  let ended: number;
  let pool: Pool;
  let jobs: Jobs;

  const count = (worker: Worker): void => {
    begun.push(worker);
    void once(worker, 'exit').then(() => {
      ended += 1;
    });
  };
  const wait = (): Sent => jobs.send('waiter', { ms: 3_600_000 });
  const cancel = (sent: readonly Sent[]): Promise<unknown> => {
    for (const { ref } of sent) pool.cancel(ref, cancelled);
    return Promise.all(sent.map((each) => each.ended));
  };
  async function open(setup: ThreadSetup): Promise<void> {
    pool = new Pool({ setup, threads: { least: 1, most: 2 }, idleMs: 300 });
    jobs = new Jobs(() => pool);
    await pool.start(jobs, heldLease());
  }
  /** Gives the first lane more than it is to have alone, until there is a second. */
  async function crowd(): Promise<readonly Sent[]> {
    const sent = Array.from({ length: 140 }, wait);
    assert.deepEqual([...new Set(sent.map(({ worker }) => worker))], ['lane-1']);
    await until(() => pool.health.ready === 2, 'a second lane is ready');
    return sent;
  }

  beforeEach(async () => {
    [begun, ended] = [[], 0];
    process.on('worker', count);
    await open(labSetup);
  });
  afterEach(async () => {
    process.off('worker', count);
    await pool.stop();
  });

  it('adds a thread under load, and ends it when there is none; nothing is counted as lost', async () => {
    verifies('R3.scaling', 'R3.pool');
    assert.deepEqual([pool.health.lanes, begun.length], [1, 1]);
    const crowded = await crowd();
    const more = jobs.send('quick', { id: 'a' });
    assert.equal(more.worker, 'lane-2');
    assert.equal((await more.ended).kind, 'succeeded');

    await cancel(crowded);

    await until(() => pool.health.lanes === 1, 'one lane is wanted');
    await until(() => ended === 1, 'the thread has ended');
    assert.deepEqual(pool.health, {
      ...{ lanes: 1, ready: 1, zombies: 0, restarts: 0 },
      ...{ apart: 0, least: 1, most: 2 },
    });
    assert.equal(begun.length, 2);
    assert.equal((await jobs.send('quick', { id: 'b' }).ended).kind, 'succeeded');
  });

  it('gives a lane that is to go nothing more, and lets it end what it has', async () => {
    verifies('R3.scaling');
    const crowded = await crowd();
    const kept = wait();
    assert.equal(kept.worker, 'lane-2');
    const [one, two, ...others] = crowded as [Sent, Sent, ...Sent[]];
    await cancel(others);
    await until(() => pool.health.lanes === 1, 'one lane is wanted');

    const next = jobs.send('quick', { id: 'a' });

    assert.equal(next.worker, 'lane-1', 'although it has more to do');
    assert.equal((await next.ended).kind, 'succeeded');
    assert.deepEqual([pool.health.ready, ended], [1, 0]);
    await cancel([kept]);
    await until(() => ended === 1, 'the thread has ended');
    await cancel([one, two]);
    assert.equal(begun.length, 2);
  });

  it('keeps a lane that was to go when there is load again', async () => {
    verifies('R3.scaling');
    const crowded = await crowd();
    const kept = wait();
    await cancel(crowded);
    await until(() => pool.health.lanes === 1, 'one lane is wanted');

    const again = await crowd();

    assert.equal(jobs.send('quick', { id: 'a' }).worker, 'lane-2');
    assert.equal(begun.length, 2);
    await cancel([kept, ...again]);
  });

  it('is whole again after the thread that was added dies, and counts that', async () => {
    verifies('R3.scaling', 'R3.health');
    const crowded = await crowd();
    const fault = jobs.send('fault', { what: 'real_exit' });
    assert.equal(fault.worker, 'lane-2');

    assert.equal((await fault.ended).kind, 'lost');

    await until(() => pool.health.ready === 2, 'both lanes are ready');
    assert.deepEqual([pool.health.lanes, pool.health.restarts, begun.length], [2, 1, 3]);
    await cancel(crowded);
    await until(() => ended === 2, 'the thread that was added last has ended');
  });

  it('has a thread that is added later load what was loaded meanwhile', async () => {
    verifies('R3.scaling');
    await pool.stop();
    const configUrl = new URL('../support/fixtures/visited.config.ts', import.meta.url).href;
    const modules = [{ name: 'visitor', generation: 1 }];
    const read = await readModules({ config: visited, configUrl }, modules);
    const digestOf = (config: typeof visited): string =>
      loadRegistry(config, sharedEntities).digest;
    const [before, after] = [digestOf(visited), digestOf(withModules(visited, read))];
    assert.notEqual(before, after);
    await open({ ...labSetup, configUrl, digest: before });
    await pool.declare({ modules, digest: after });

    const crowded = await crowd();

    // A thread that has anything else than was declared is never ready.
    assert.deepEqual([pool.health.ready, pool.health.restarts], [2, 0]);
    await cancel(crowded);
  });
});
