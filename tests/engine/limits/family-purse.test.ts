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
/** What a call of at most 100 tokens reserves. */
const boundMicroUsd = 1_000;

/** Two runs side by side, and money for a call and a half. */
const parent = defineWorkflow({
  name: 'lab.parent',
  budgetMicroUsd: boundMicroUsd * 1.5,
  graph: ({ workflow }) => {
    workflow({ id: 'one', workflow: talk, input: {} });
    workflow({ id: 'two', workflow: talk, input: {} });
  },
});
const modules = [
  defineModule({
    name: 'lab',
    version: '1.0.0',
    agents: [talker],
    workflows: [talk, parent],
  }),
];
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const prices = { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } };

describe('runs that a run with a budget has started side by side', function () {
  this.timeout(120_000);
  const engines = new HandEngines({ modules, models, prices }, chooseProfiles(models, {}));
  let lab: HandEngine;

  before(() => engines.prepare());
  beforeEach(async () => {
    lab = await engines.open();
  });
  afterEach(async () => {
    await engines.stop();
    await engines.pool.query(
      "UPDATE tutti.run SET ended_at = now(), status = 'cancelled', owner = NULL WHERE ended_at IS NULL",
    );
  });
  after(function () {
    return engines.drop(this);
  });

  /** Seconds pass until something holds. */
  const inTime = (holds: () => boolean | Promise<boolean>, hand = lab): Promise<boolean> =>
    eventually(async () => {
      hand.clock.pass(1_001);
      return await holds();
    });

  /** Both runs have been taken up, and their steps are where they can be without more money. */
  async function begun(parentId: string): Promise<void> {
    await inTime(async () => {
      const { rows } = await engines.pool.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM tutti.run r JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id
         WHERE r.parent_run_id = $1 AND s.status IN ('ready', 'running')`,
        [parentId],
      );
      return rows[0]?.count === 2 && lab.dispatcher.jobs.length > 0;
    });
  }

  /** The call of a job has ended with so many tokens. */
  function end({ ref }: Job, output: number): void {
    const usage = { input: 1, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
    const done = { turn: 1, model: 'house', stop: 'end', durationMs: 1, usage, sent: true };
    lab.dispatcher.say({ kind: 'turn', ref, done: done as never });
    lab.dispatcher.succeed(ref);
  }

  /** Micro-USD that the runs below one have spent or reserved. */
  async function heldBelow(parentId: string): Promise<number> {
    const { rows } = await engines.pool.query<{ sum: number }>(
      `SELECT coalesce(sum(coalesce(l.cost_micro_usd, l.reserved_micro_usd)), 0)::int AS sum FROM tutti.ledger l
       JOIN tutti.run r ON r.tenant_id = l.tenant_id AND r.id = l.run_id WHERE r.parent_run_id = $1`,
      [parentId],
    );
    return rows[0]?.sum ?? -1;
  }

  async function purseOf(parentId: string) {
    const { rows } = await engines.pool.query(
      `SELECT reserved_micro_usd::int AS reserved, settled_micro_usd::int AS settled FROM tutti.budget WHERE scope = 'run:' || $1`,
      [parentId],
    );
    return rows[0];
  }

  it('spend together no more than it has: one waits for what the other has reserved, and goes on with what is left', async () => {
    verifies('R7.budget', 'R7.reserve');
    const { id, ended } = await lab.start('lab.parent', {});
    await begun(id);
    for (let second = 0; second < 3; second += 1) lab.clock.pass(1_001);
    await begun(id);
    assert.deepEqual(
      lab.dispatcher.jobs.map(({ mode }) => mode),
      ['model'],
    );
    assert.equal(await heldBelow(id), boundMicroUsd);

    end(lab.dispatcher.jobs[0] as Job, 10);

    await inTime(() => lab.dispatcher.jobs.length > 1);
    assert.deepEqual(
      lab.dispatcher.jobs.map(({ mode }) => mode),
      ['model', 'model'],
    );
    end(lab.dispatcher.jobs[1] as Job, 20);
    let status: string | null = null;
    void ended.then((each) => {
      status = each;
    });
    await inTime(() => status !== null);
    assert.equal(status, 'succeeded');
    assert.equal(await heldBelow(id), 300);
    assert.deepEqual(await purseOf(id), { reserved: 0, settled: 300 });
  });

  it('have no call left when the other one has spent it', async () => {
    verifies('R7.budget', 'R7.on-budget');
    const { id } = await lab.start('lab.parent', {});
    await begun(id);

    end(lab.dispatcher.jobs[0] as Job, 100);

    await inTime(() => lab.dispatcher.jobs.length > 1);
    assert.equal(lab.dispatcher.jobs[1]?.mode, 'playbook');
    assert.equal(await heldBelow(id), boundMicroUsd);
  });

  it('are known to have spent it under the next engine, too', async () => {
    verifies('R7.budget', 'R7.orphan');
    const { id } = await lab.start('lab.parent', {});
    await begun(id);
    end(lab.dispatcher.jobs[0] as Job, 100);
    await eventually(async () => (await heldBelow(id)) === boundMicroUsd);

    await engines.stop();
    lab = await engines.open();

    await inTime(() => lab.dispatcher.jobs.length > 0);
    assert.deepEqual(
      lab.dispatcher.jobs.map(({ mode }) => mode),
      ['playbook'],
    );
  });

  it('are known to have spent it under a release that kept no purse for them', async () => {
    verifies('R7.budget', 'R13.upgrade');
    const { id } = await lab.start('lab.parent', {});
    await begun(id);
    end(lab.dispatcher.jobs[0] as Job, 100);
    await eventually(async () => (await heldBelow(id)) === boundMicroUsd);
    await engines.stop();
    await engines.pool.query(`DELETE FROM tutti.budget WHERE scope = 'run:' || $1`, [id]);

    lab = await engines.open();

    await inTime(() => lab.dispatcher.jobs.length > 0);
    assert.deepEqual(
      lab.dispatcher.jobs.map(({ mode }) => mode),
      ['playbook'],
    );
    assert.deepEqual(await purseOf(id), { reserved: 0, settled: boundMicroUsd });
  });
});
