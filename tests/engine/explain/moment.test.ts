import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { Explanations } from '../../../core/engine/explain/explanations.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const hourMs = 3_600_000;

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const rests = defineWorkflow({
  name: 'lab.rests',
  graph: ({ wait, task }) => {
    const rest = wait({ id: 'rest', for: { duration: 'PT1H' } });
    task({ id: 'then', agent: worker, input: {}, after: [rest] });
  },
});

const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [rests] })],
};

describe('explain of a node that waits for a moment', () => {
  const engines = new HandEngines(config);
  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  it('names the moment, of no failure, and goes on from then, with its engine and without', async () => {
    verifies('R2.explain');
    const hand = await engines.open();
    const run = await hand.start('lab.rests');
    await eventually(async () => (await engines.stepsOf(run.id)).rest === 'waiting');

    const told = await hand.engine.explain({ tenantId: 1, runId: run.id });
    await hand.engine.stop();
    const pool = engines.pool;
    const store = new Store(pool);
    const parts = { pool, store, inbox: new Inbox(pool), database: engines.database };
    const fromRows = await new Explanations(parts).explain({ tenantId: 1, runId: run.id });

    for (const { steps } of [told, fromRows]) {
      const [rest] = steps;
      assert.deepEqual(
        rest?.blockers.map(({ kind }) => kind).filter((kind) => kind !== 'owner'),
        ['moment'],
      );
      assert.match(
        rest?.blockers.at(-1)?.text ?? '',
        /^It waits for its moment, for 60 min at least\.$/,
      );
    }
    const [rest, then] = told.steps;
    const startMs = Date.parse(rest?.startAt ?? '') - Date.parse(told.at);
    assert.ok(Math.abs(startMs - hourMs) < 60_000, `${startMs}`);
    assert.equal(then?.startAt, rest?.startAt);
  });
});
