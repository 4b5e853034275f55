import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const form = { instructions: 'Work.', input: z.object({}), output: z.object({}), tools: {} };
const worker = defineAgent({ name: 'worker', purpose: 'Works.', ...form }).playbook(
  async () => ({}),
);
const breaker = defineAgent({
  name: 'breaker',
  purpose: 'Ends its run when it fails.',
  recovery: [{ ways: [{ strategy: 'abort' }] }],
  ...form,
}).playbook(async () => ({}));
const below = defineWorkflow({
  name: 'lab.below',
  graph: ({ task }) => void task({ id: 'only', agent: worker, input: {} }),
});
const alone = defineWorkflow({
  name: 'lab.alone',
  partial: true,
  graph: ({ task }) => void task({ id: 'last', agent: breaker, input: {} }),
});
const goingOn = defineWorkflow({
  name: 'lab.going_on',
  graph: ({ task, workflow, approval }) => {
    task({ id: 'beside', agent: worker, input: {} });
    const one = task({ id: 'one', agent: breaker, input: {} });
    const late = { after: [one], join: 'all_done' } as const;
    workflow({ id: 'child', workflow: below, input: {}, ...late });
    approval({ id: 'may', title: 'May it?', show: {}, by: ['anna'], expires: 'PT10M', ...late });
  },
});
const modules = [
  defineModule({
    ...{ name: 'lab', version: '1.0.0', agents: [worker, breaker] },
    workflows: [below, alone, goingOn],
  }),
];

describe('a failure that ends its whole run', function () {
  this.timeout(120_000);
  const engines = new HandEngines({ modules });

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  async function fail({ dispatcher, clock }: HandEngine, step: string): Promise<void> {
    const { ref } = await dispatcher.next(step);
    dispatcher.fail(ref, { code: 'TOOL_FAILED', message: 'It broke.' } as never);
    clock.pass(1);
  }

  it('leaves it failed where a part would be enough, and it was the last of its steps', async () => {
    verifies('R8.terminate');
    const hand = await engines.open();
    const { ended } = await hand.start('lab.alone');

    await fail(hand, 'last');

    assert.equal(await ended, 'failed');
  });

  it('lets nothing begin that would have gone on after the failed step', async () => {
    verifies('R8.terminate');
    const hand = await engines.open();
    hand.dispatcher.answerCancels();
    const { id, ended } = await hand.start('lab.going_on');
    await hand.dispatcher.next('beside');

    await fail(hand, 'one');
    assert.equal(await ended, 'failed');
    // What was asked of the database has been answered by then.
    await engines.stop();

    const { rows } = await engines.pool.query(
      `SELECT (SELECT count(*)::int FROM tutti.run WHERE parent_run_id = $1) AS runs,
         (SELECT count(*)::int FROM tutti.approval WHERE run_id = $1) AS questions`,
      [id],
    );
    assert.deepEqual(rows, [{ runs: 0, questions: 0 }]);
    assert.deepEqual(await engines.stepsOf(id), {
      ...{ beside: 'cancelled', one: 'TOOL_FAILED', child: 'cancelled', may: 'cancelled' },
    });
  });
});
