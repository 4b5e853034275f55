import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
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
  graph: ({ task }) => void task({ id: 'only', agent: worker, input: {} }),
});
const drainMs = 60_000;

describe('an engine that is taken over while it drains', function () {
  this.timeout(120_000);
  const engines = new HandEngines({
    modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one] })],
    limits: { leaseMs: 900 },
  });

  before(() => engines.prepare());
  after(function () {
    return engines.drop(this);
  });

  it('waits no longer for what it can record no more, and its run goes on elsewhere', async () => {
    verifies('R9.take-over');
    const left = await engines.open();
    const { id } = await left.start('lab.one');
    await left.dispatcher.next('only');
    let isStopped = false;
    const stopped = left.engine.stop(drainMs).then(() => {
      isStopped = true;
    });
    await engines.pool.query(
      `WITH gone AS (UPDATE tutti.engine SET state = 'gone' WHERE state <> 'gone' RETURNING id)
       UPDATE tutti.run SET owner = NULL FROM gone WHERE owner = gone.id`,
    );

    await eventually(() => {
      // Far less in a minute of looks than it may drain for.
      left.clock.pass(20);
      return isStopped;
    });

    await stopped;
    const next = await engines.open();
    next.dispatcher.succeed((await next.dispatcher.next('only')).ref);
    await eventually(async () => (await engines.statusOf(id)) === 'succeeded');
    await engines.stop();
    assert.deepEqual(left.failures, []);
  });
});
