import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
import { queryAll } from '../../support/rows.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const pair = defineWorkflow({
  name: 'lab.pair',
  graph: ({ task }) => {
    task({ id: 'first', agent: worker, input: {} });
    task({ id: 'beside', agent: worker, input: {} });
  },
});
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [pair] })],
};
const actor = { kind: 'person', id: 'tester' } as const;

describe('a step whose engine died while it was being cancelled', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  for (const [what, asked, lost] of [
    ['with its run', {}, ['beside', 'first']],
    ['alone', { step: 'first' }, ['first']],
  ] as const) {
    it(`${what} has its attempt in the record, which its engine did not end`, async () => {
      verifies('R8.crash', 'R8.cancel');
      const dead = await engines.open();
      const run = await dead.start('lab.pair');
      run.ended.catch(() => {});
      const [, beside] = [
        await dead.dispatcher.next('first'),
        await dead.dispatcher.next('beside'),
      ];
      await dead.engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor, ...asked });
      const cancelling = ['run.cancelling', 'step.cancelling'];
      await eventually(async () => (await engines.entriesOf(run.id, cancelling)).length === 1);
      if (lost.length === 1) {
        dead.dispatcher.succeed(beside.ref);
        await eventually(async () => (await engines.stepsOf(run.id)).beside === 'succeeded');
      }
      await engines.pool.query(`UPDATE tutti.engine SET state = 'gone'`);
      await engines.pool.query('UPDATE tutti.run SET owner = NULL');

      await engines.open();
      await eventually(async () => (await engines.statusOf(run.id)) !== 'running');

      const rows = await queryAll<{ path: string; status: string; code: string }>(
        engines.database,
        `SELECT s.node AS path, s.status, a.no, a.outcome, a.error->>'code' AS code FROM tutti.step s
         JOIN tutti.attempt a ON a.run_id = s.run_id AND a.step = s.id WHERE s.run_id = '${run.id}' AND a.outcome <> 'succeeded' ORDER BY 1`,
      );
      const end = { status: 'cancelled', no: 1, outcome: 'lost', code: 'LANE_LOST' };
      assert.deepEqual(
        rows,
        lost.map((path) => ({ path, ...end })),
      );
    });
  }
});
