import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { chooseProfiles } from '../../../core/ports/models/profiles.ts';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const talker = defineAgent({
  name: 'talker',
  purpose: 'Talks.',
  instructions: 'Talk.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
});
const talk = defineWorkflow({
  name: 'lab.talk',
  input: z.object({}),
  graph: ({ task }) => void task({ id: 'talk', agent: talker, input: {} }),
});
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [talk] })],
  models,
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } },
};

describe('a run that is given up', () => {
  const engines = new HandEngines(config, chooseProfiles(models, {}));

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  it('by an owner that cannot take it up fails, its steps end with it, and it pays for the calls that were under way when the last one died', async () => {
    verifies('R7.orphan');
    const { pool } = engines;
    const dead = await engines.open();
    const run = await dead.start('lab.talk', {});
    run.ended.catch(() => {});
    await dead.dispatcher.next('talk');
    await pool.query(`UPDATE tutti.engine SET state = 'gone'`);
    await pool.query(`UPDATE tutti.run SET owner = NULL, pins = pins || $1`, [
      JSON.stringify({ plan: { hash: '', basis: 'of other prices', nodes: {} } }),
    ]);

    await engines.open();
    await eventually(async () => (await engines.statusOf(run.id)) === 'failed');

    const { rows: calls } = await pool.query(
      'SELECT state, cost_micro_usd AS cost FROM tutti.ledger WHERE run_id = $1',
      [run.id],
    );
    const { rows: purses } = await pool.query(
      `SELECT reserved_micro_usd AS reserved, settled_micro_usd AS settled FROM tutti.budget WHERE scope = 'tenant' AND settled_micro_usd > 0`,
    );
    assert.deepEqual(calls, [{ state: 'estimated', cost: 1_000 }]);
    assert.deepEqual(purses, [{ reserved: 0, settled: 1_000 }]);
    const { rows: steps } = await pool.query(
      `SELECT s.status, s.ended_at IS NOT NULL AS ended, a.no, a.outcome, a.error->>'code' AS code
       FROM tutti.step s LEFT JOIN tutti.attempt a ON a.run_id = s.run_id AND a.step = s.id WHERE s.run_id = $1`,
      [run.id],
    );
    const lost = { no: 1, outcome: 'lost', code: 'LANE_LOST' };
    assert.deepEqual(steps, [{ status: 'cancelled', ended: true, ...lost }]);
  });

  it('with the name of its engine, which another process uses, too, is free, and the engine stops', async () => {
    verifies('R9.one-writer');
    const { pool } = engines;
    const copied = await engines.open();
    const run = await copied.start('lab.talk', {});
    run.ended.catch(() => {});
    const { ref } = await copied.dispatcher.next('talk');
    await pool.query('UPDATE tutti.flush SET no = 7');

    copied.dispatcher.succeed(ref);
    await eventually(() => copied.failures.length > 0);

    const { rows } = await pool.query(
      `SELECT r.owner, (SELECT count(*)::int FROM tutti.engine WHERE state <> 'gone') AS left FROM tutti.run r WHERE id = $1`,
      [run.id],
    );
    assert.deepEqual(
      copied.failures.map(({ code }) => code),
      ['ENGINE_COPIED'],
    );
    assert.deepEqual(rows, [{ owner: null, left: 0 }]);
  });
});
