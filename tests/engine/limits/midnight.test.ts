import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
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
const pair = defineWorkflow({
  name: 'lab.pair',
  graph: ({ task }) => {
    task({ id: 'one', agent: talker, input: {} });
    task({ id: 'two', agent: talker, input: {} });
  },
});
/** What a call of at most 100 tokens reserves; a day has money for one and a half. */
const boundMicroUsd = 1_000;
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [pair] })],
  models,
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } },
  budgets: { tenantDailyMicroUsd: boundMicroUsd * 1.5 },
};
const beforeMidnight = Date.UTC(2026, 5, 30, 23, 59, 30);

describe('work that waits past midnight', function () {
  this.timeout(120_000);
  const profiles = chooseProfiles(models, {});
  const crowded = new HandEngines(config, profiles);
  const narrow = new HandEngines({ ...config, limits: { running: 1 } }, profiles);
  const asleep = new HandEngines({ ...config, limits: { running: 1 } }, profiles);
  const all = [crowded, narrow, asleep];

  before(async () => {
    for (const engines of all) await engines.prepare();
  });
  after(async function () {
    for (const engines of all) {
      await engines.stop();
      await engines.drop(this);
    }
  });

  /** Seconds pass until something holds, at most some minutes. */
  const inTime = (lab: HandEngine, holds: () => boolean): Promise<boolean> =>
    eventually(() => {
      if (lab.clock.monotonic() < beforeMidnight + 300_000) lab.clock.pass(1_001);
      return holds();
    });

  /** A call of a job, and the job, end well. */
  function endCall({ dispatcher }: HandEngine, ref: number): void {
    const usage = { input: 1, cachedInput: 0, cacheWrite: 0, output: 100, reasoning: 0 };
    const done = { turn: 1, model: 'house', stop: 'end', durationMs: 1, usage, sent: true };
    dispatcher.say({ kind: 'turn', ref, done: done as never });
    dispatcher.succeed(ref);
  }

  const spent = async (engines: HandEngines) => {
    const { rows } = await engines.pool.query(
      `SELECT period, reserved_micro_usd::int AS reserved, settled_micro_usd::int AS settled FROM tutti.budget
       WHERE scope = 'tenant' AND reserved_micro_usd + settled_micro_usd > 0 ORDER BY period`,
    );
    return rows.map(({ period, reserved, settled }) => [String(period), reserved, settled]);
  };

  it('for money that a call of the day before holds starts on the money of the new day', async () => {
    verifies('R7.budget', 'R7.reserve');
    const lab = await crowded.open(beforeMidnight);
    await lab.start('lab.pair');
    const one = await lab.dispatcher.next('one');

    await inTime(lab, () => lab.dispatcher.jobs.length > 1);

    const two = await lab.dispatcher.next('two');
    assert.deepEqual([one.mode, two.mode], ['model', 'model']);
    assert.deepEqual(await spent(crowded), [
      ['2026-06-30', boundMicroUsd, 0],
      ['2026-07-01', boundMicroUsd, 0],
    ]);
  });

  it('for a slot is not refused the model because the day before has spent its money', async () => {
    verifies('R7.budget', 'R7.on-budget');
    const lab = await narrow.open(beforeMidnight);
    await lab.start('lab.pair');
    const { ref } = await lab.dispatcher.next('one');
    await inTime(lab, () => lab.clock.now() > beforeMidnight + 60_000);

    endCall(lab, ref);

    assert.equal((await lab.dispatcher.next('two')).mode, 'model');
    assert.deepEqual(await spent(narrow), [
      ['2026-06-30', 0, boundMicroUsd],
      ['2026-07-01', boundMicroUsd, 0],
    ]);
  });

  it('of several days, while its machine sleeps, is paid from a day that nobody had opened', async () => {
    verifies('R7.budget', 'R7.reserve');
    const lab = await asleep.open(beforeMidnight);
    await lab.start('lab.pair');
    const { ref } = await lab.dispatcher.next('one');

    lab.clock.set(3 * 86_400_000);
    endCall(lab, ref);
    await eventually(async () => (await spent(asleep))[0]?.[2] === boundMicroUsd);
    await inTime(lab, () => lab.dispatcher.jobs.length > 1);

    assert.equal((await lab.dispatcher.next('two')).mode, 'model');
    assert.deepEqual(await spent(asleep), [
      ['2026-06-30', 0, boundMicroUsd],
      ['2026-07-03', boundMicroUsd, 0],
    ]);
  });
});
