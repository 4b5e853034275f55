import assert from 'node:assert/strict';
import type { Host } from '../../../bin/host.ts';
import { Budgets } from '../../../core/engine/limits/budgets.ts';
import { Planner } from '../../../core/engine/plan/planner.ts';
import type { DeclaredModules, Job } from '../../../core/ports/dispatcher.ts';
import { rehearsedProfiles } from '../../../core/ports/models/profiles.ts';
import { Pool, type PoolOptions } from '../../../worker/pool/pool.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { openYard, roundOf, stock } from '../../support/yard.ts';

const never = new AbortController().signal;

describe('the threads of plans', () => {
  let fresh: FreshDatabase;
  let host: Host;
  let tenantId: number;
  let planner: Planner;
  let clock: FakeClock;
  let declared: DeclaredModules;
  let opened: WatchedPool[];
  /** Called when a job is sent to a thread. */
  let onJob: () => void;
  /** Called when threads are to load what they need. */
  let onStart: () => void;

  /** Threads that say whether they were ended, and which jobs they had. */
  class WatchedPool extends Pool {
    readonly refs: number[] = [];
    isStopped = false;

    override start(...started: Parameters<Pool['start']>): Promise<void> {
      onStart();
      return super.start(...started);
    }

    override run(job: Job): string {
      this.refs.push(job.ref);
      onJob();
      return super.run(job);
    }

    override stop(): Promise<void> {
      this.isStopped = true;
      return super.stop();
    }
  }

  before(async () => {
    fresh = await freshDatabase();
    host = await openYard(fresh);
    tenantId = await host.store.tenant('ours');
    await stock(fresh, tenantId, { 'c-1': 'a' });
  });
  after(async function () {
    await host.close();
    await fresh.drop(this);
  });
  beforeEach(() => {
    const { config, database, registry, connector, configUrl } = host;
    const profiles = rehearsedProfiles(config.models);
    const budgets = new Budgets(database, host);
    clock = new FakeClock();
    declared = host.loading.loader.declared;
    opened = [];
    onJob = () => {};
    onStart = () => {};
    const setup: PoolOptions['setup'] = {
      ...{ configUrl, connection: database.connectionConfig, dataFolder: '/nonexistent', profiles },
      ...declared,
    };
    const open = (): Pool => {
      const pool = new WatchedPool({ setup, threads: 1 });
      opened.push(pool);
      return pool;
    };
    const threads = { open, declared: () => declared };
    planner = new Planner({
      ...{ database, registry, config, profiles, connector, budgets, threads, clock },
    });
  });
  afterEach(() => planner.close());

  const plan = (signal = never) => planner.plan(roundOf(tenantId), signal);
  const stopped = () => opened.map(({ isStopped }) => isStopped);

  it('make the plans that follow within a minute, too, and say the same of the same', async () => {
    const first = await plan();
    clock.pass(59_999);
    const second = await plan();
    clock.pass(59_999);
    const before = stopped();
    clock.pass(1);
    const after = stopped();
    const third = await plan();

    assert.deepEqual([before, after, stopped()], [[false], [true], [true, false]]);
    assert.deepEqual([second.hash, third.hash], [first.hash, first.hash]);
    const refs = opened[0]?.refs ?? [];
    assert.deepEqual([refs.length, new Set(refs).size], [2 * first.agents, 2 * first.agents]);
  });

  it('see what has changed in the ERP since the plan before', async () => {
    const first = await plan();
    await stock(fresh, tenantId, { 'c-2': 'b' });
    const second = await plan();

    assert.deepEqual([second.agents, opened.length], [first.agents + 2, 1]);
  });

  it('make no plan with modules that have changed since they were opened', async () => {
    await plan();
    declared = { ...declared, modules: [{ name: 'late', generation: 1 }] };
    await plan();
    declared = { ...declared, modules: [{ name: 'late', generation: 2 }] };
    await plan();

    assert.deepEqual(stopped(), [true, true, false]);
  });

  it('end with a plan that is given up', async () => {
    const leaving = new AbortController();
    onJob = () => leaving.abort();
    await assert.rejects(plan(leaving.signal), { code: 'CANCELLED' });
    onJob = () => {};
    await plan();

    assert.deepEqual(stopped(), [true, false]);
  });

  for (const when of ['they wait', 'they are opened', 'they make a plan'])
    it(`end at once with their process while ${when}, and make no plan any more`, async () => {
      const closing: Promise<void>[] = [];
      const close = (): void => void closing.push(planner.close());
      if (when === 'they are opened') onStart = close;
      if (when === 'they make a plan') onJob = close;
      if (when === 'they wait') {
        await plan();
        close();
      }
      await assert.rejects(plan(), { code: 'CANCELLED' });
      await Promise.all(closing);

      assert.deepEqual([closing.length > 0, stopped(), clock.nextAt], [true, [true], null]);
    });
});
