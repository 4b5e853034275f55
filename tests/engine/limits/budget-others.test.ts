import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import type { Job } from '../../../core/ports/dispatcher.ts';
import { chooseProfiles } from '../../../core/ports/models/profiles.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const talker = defineAgent({
  name: 'talker',
  purpose: 'Talks.',
  instructions: 'Talk.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));
const talk = defineWorkflow({
  name: 'lab.talk',
  input: z.object({}),
  graph: ({ task }) => void task({ id: 'talk', agent: talker, input: {} }),
});
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const prices = { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } };
const actor = { kind: 'person', id: 'tester' } as const;
/** What a call of at most 100 tokens reserves. */
const boundMicroUsd = 1_000;
const limitMicroUsd = 10_000;
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [talk] })],
  models,
  prices,
  budgets: { tenantDailyMicroUsd: limitMicroUsd },
};

/** Flushes have numbers that are drawn: somebody beside the engine counts them. */
const countFlushes = `CREATE SEQUENCE tutti.flushes;
  CREATE FUNCTION tutti.flushed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM nextval('tutti.flushes'); RETURN NULL; END $$;
  CREATE TRIGGER flushed AFTER INSERT OR UPDATE ON tutti.flush FOR EACH ROW EXECUTE FUNCTION tutti.flushed()`;

describe('a purse whose money another engine holds', () => {
  const engines = new HandEngines(config, chooseProfiles(models, {}));
  let lab: HandEngine;

  before(async () => {
    await engines.prepare();
    await engines.database.admin((client) => client.query(countFlushes));
  });
  beforeEach(async () => {
    lab = await engines.open();
  });
  afterEach(async () => {
    await stop();
    await engines.pool.query('DELETE FROM tutti.budget');
  });
  after(function () {
    return engines.drop(this);
  });

  /** Ends the engine, and the runs that another one would take up. */
  async function stop(): Promise<void> {
    await engines.stop();
    await engines.pool.query(
      "UPDATE tutti.run SET ended_at = now(), status = 'cancelled', owner = NULL WHERE ended_at IS NULL",
    );
  }

  /** What another engine has of the tenant's purse from now on. */
  async function others(reserved: number, settled = 0): Promise<void> {
    await engines.pool.query(
      `UPDATE tutti.budget SET reserved_micro_usd = $1, settled_micro_usd = $2 WHERE scope = 'tenant'`,
      [reserved, settled],
    );
  }

  async function flushes(): Promise<number> {
    const { rows } = await engines.database.admin((client) =>
      client.query<{ count: number }>('SELECT last_value::int AS count FROM tutti.flushes'),
    );
    return rows[0]?.count ?? 0;
  }

  /** Nothing is written any more: two looks in a row see the same. */
  async function still(): Promise<number> {
    let last = -1;
    await eventually(async () => {
      const now = await flushes();
      const isSame = now === last;
      last = now;
      return isSame;
    });
    return last;
  }

  async function passSecond(): Promise<void> {
    lab.clock.pass(1_001);
    await still();
  }

  /** Seconds pass until something holds. */
  const inTime = (holds: () => boolean): Promise<boolean> =>
    eventually(async () => {
      if (!holds()) await passSecond();
      return holds();
    });

  /** A run whose step stands so: `running` where its start was refused as it was written, `ready` where it was known that it would be. */
  async function poor(status: 'running' | 'ready') {
    const run = await lab.start('lab.talk', {});
    await eventually(async () => (await engines.stepsOf(run.id)).talk === status);
    return run;
  }

  /** A first run opens the purses and makes a call, so that this engine knows them as they were before the others came. */
  async function opened(): Promise<Job> {
    await lab.start('lab.talk', {});
    const job = await lab.dispatcher.next('talk');
    const usage = { input: 1, cachedInput: 0, cacheWrite: 0, output: 1, reasoning: 0 };
    const done = { turn: 1, model: 'house', stop: 'tools', durationMs: 1, usage, sent: true };
    lab.dispatcher.say({ kind: 'turn', ref: job.ref, done: done as never });
    await eventually(async () => {
      const { rows } = await engines.pool.query(
        `SELECT FROM tutti.budget WHERE scope = 'tenant' AND reserved_micro_usd = 0 AND settled_micro_usd > 0`,
      );
      return rows.length > 0;
    });
    return job;
  }

  it('is waited for by a step that starts, which then calls its model', async () => {
    verifies('R7.budget', 'R7.on-budget');
    await opened();
    await others(limitMicroUsd);
    const { id } = await poor('running');
    await passSecond();
    assert.equal(lab.dispatcher.jobs.length, 1);

    await others(limitMicroUsd - boundMicroUsd);

    await inTime(() => lab.dispatcher.jobs.length > 1);
    const second = lab.dispatcher.jobs[1] as Job;
    assert.deepEqual([second.mode, second.permitted, second.attempt], ['model', true, 1]);
    const started = await engines.entriesOf(id, ['step.started', 'turn.started']);
    assert.deepEqual(
      started.map(({ kind }) => kind),
      ['step.started', 'turn.started'],
    );
  });

  it('is waited for by a conversation that goes on', async () => {
    const job = await opened();
    await others(limitMicroUsd);
    lab.dispatcher.say({ kind: 'permit', ref: job.ref, bytes: 100 });
    await passSecond();
    assert.deepEqual(lab.dispatcher.told, []);

    await others(0, limitMicroUsd - boundMicroUsd);

    await inTime(() => lab.dispatcher.told.length > 0);
    assert.deepEqual(lab.dispatcher.told, [{ kind: 'granted', ref: job.ref, target: 0 }]);
  });

  it('is known to an engine that comes when the others hold it', async () => {
    await opened();
    await others(limitMicroUsd);
    await stop();
    lab = await engines.open();
    await poor('ready');
    await passSecond();
    assert.equal(lab.dispatcher.jobs.length, 0);

    await others(0);

    await inTime(() => lab.dispatcher.jobs.length > 0);
    assert.equal(lab.dispatcher.jobs[0]?.mode, 'model');
  });

  it('is waited for no longer when they have spent it', async () => {
    verifies('R7.on-budget');
    await opened();
    await others(limitMicroUsd);
    await poor('running');

    await others(0, limitMicroUsd - boundMicroUsd + 1);

    await inTime(() => lab.dispatcher.jobs.length > 1);
    const second = lab.dispatcher.jobs[1];
    assert.deepEqual([second?.mode, second?.permitted], ['playbook', false]);
  });

  it('is looked at once a second, however much goes on, and by one for all', async () => {
    await opened();
    await others(limitMicroUsd);
    await poor('running');
    for (let run = 0; run < 4; run += 1) await poor('ready');
    await passSecond();
    await passSecond();
    const before = await still();

    for (let look = 0; look < 50; look += 1) lab.clock.pass(10);
    await still();
    const within = (await flushes()) - before;
    await passSecond();

    assert.ok(within <= 1, `${within} flushes in half a second`);
    assert.ok((await flushes()) - before <= 2, 'two looks in a second and a half');
  });

  it('keeps nobody who waits from being cancelled', async () => {
    await opened();
    await others(limitMicroUsd);
    const { id, ended } = await poor('running');
    await passSecond();

    await lab.engine.ask({ tenantId: 1, runId: id, kind: 'cancel', actor });

    assert.equal(await ended, 'cancelled');
    assert.deepEqual(await engines.stepsOf(id), { talk: 'cancelled' });
  });
});
