import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const one = defineWorkflow({
  name: 'lab.one',
  graph: ({ task }) => {
    const dear = task({ id: 'dear', agent: worker, input: {} });
    task({ id: 'last', after: [dear], agent: worker, input: {} });
  },
});

/** Runs of another workflow, one after the other. */
const parent = defineWorkflow({
  name: 'lab.parent',
  budgetMicroUsd: 1_000_000,
  graph: ({ workflow }) => {
    const first = workflow({ id: 'first', workflow: one, input: {} });
    const second = workflow({ id: 'second', after: [first], workflow: one, input: {} });
    workflow({ id: 'third', after: [second], workflow: one, input: {} });
  },
});

const config = {
  modules: [
    defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one, parent] }),
  ],
};

describe('runs that the steps of a run start', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** What the run of a step may spend, once there is one. */
  async function leftTo({ clock }: HandEngine, runId: string, step: number): Promise<number> {
    const text = `SELECT (pins->>'leftMicroUsd')::int AS left FROM tutti.run WHERE parent_run_id = $1 AND parent_step = $2`;
    let left: number | undefined;
    await eventually(async () => {
      clock.pass(1_000);
      const { rows } = await engines.pool.query<{ left: number }>(text, [runId, step]);
      left = rows[0]?.left;
      return left !== undefined;
    });
    return left as number;
  }

  /** The next job of an engine, once there is one. */
  async function job({ dispatcher, clock }: HandEngine) {
    await eventually(() => {
      clock.pass(1_000);
      return dispatcher.jobs.length > 0;
    });
    const [next] = dispatcher.jobs.splice(0);
    const { ref = -1, runId = '' } = next ?? {};
    return { runId, succeed: () => dispatcher.succeed(ref, {}) };
  }

  /** Ends the run of a step, which has cost so much before anybody can look. */
  async function end(hand: HandEngine, microUsd: number): Promise<void> {
    const { runId, succeed } = await job(hand);
    succeed();
    const last = await job(hand);
    // Its row is final: nobody writes it again.
    const text = `UPDATE tutti.step SET cost_micro_usd = $2 WHERE run_id = $1 AND node = 'dear' AND ended_at IS NOT NULL`;
    const { rowCount } = await engines.pool.query(text, [runId, microUsd]);
    assert.equal(rowCount, 1);
    last.succeed();
    await eventually(async () => (await engines.statusOf(runId)) === 'succeeded');
  }

  it('are paid from its budget, under the next engine, too: each gets what those before it have left', async () => {
    verifies('R7.budget');
    const first = await engines.open();
    const { id } = await first.start('lab.parent');
    assert.equal(await leftTo(first, id, 0), 1_000_000);
    await end(first, 400_000);

    assert.equal(await leftTo(first, id, 1), 600_000);
    await first.engine.stop();
    const next = await engines.open();
    await end(next, 700_000);

    assert.equal(await leftTo(next, id, 2), 0);
  });
});
