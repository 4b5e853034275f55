import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../support/eventually.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

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
    task({ id: 'only', agent: worker, input: {} });
  },
});

const question = { title: 'Go on?', show: {}, by: ['controller'], expires: 'P1D' } as const;

const outward = defineWorkflow({
  name: 'lab.outward',
  graph: ({ task, workflow, approval }) => {
    const first = task({ id: 'first', agent: worker, input: {} });
    workflow({ id: 'child', workflow: one, input: {}, after: [first] });
    approval({ id: 'yes', ...question, after: [first] });
  },
});

const asked = defineWorkflow({
  name: 'lab.asked',
  graph: ({ task, approval }) => {
    approval({ id: 'yes', ...question });
    const first = task({ id: 'first', agent: worker, input: {} });
    task({ id: 'second', agent: worker, input: {}, after: [first] });
  },
});

const config = {
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [worker],
      workflows: [one, outward, asked],
    }),
  ],
  roles: { controller: ['anna'] },
};
const actor = { kind: 'person', id: 'tester' } as const;
/** The key of an advisory lock that holds questions back in the middle. */
const gate = 8_150_071;

describe('a run that is paused', () => {
  const engines = new HandEngines(config);
  let hand: HandEngine;

  before(() => engines.prepare());
  beforeEach(async () => {
    hand = await engines.open();
    hand.dispatcher.answerCancels();
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const ask = (runId: string, kind: 'pause' | 'resume'): Promise<void> =>
    hand.engine.ask({ tenantId: 1, runId, kind, actor });

  const endFirst = async (id: string): Promise<void> => {
    hand.dispatcher.succeed((await hand.dispatcher.next('first')).ref);
    await eventually(async () => (await engines.stepsOf(id)).first === 'succeeded');
  };

  const startedBy = async (id: string): Promise<readonly [runs: number, questions: number]> => {
    const { rows } = await engines.pool.query<{ runs: number; questions: number }>(
      `SELECT (SELECT count(*)::int FROM tutti.run WHERE parent_run_id = $1) AS runs,
         (SELECT count(*)::int FROM tutti.approval WHERE run_id = $1) AS questions`,
      [id],
    );
    return [rows[0]?.runs ?? -1, rows[0]?.questions ?? -1];
  };

  it('starts no other run and asks nobody until it is resumed, whoever has it then', async () => {
    verifies('R8.cancel');
    const { id } = await hand.start('lab.outward');
    await hand.dispatcher.next('first');
    await ask(id, 'pause');
    await endFirst(id);

    const { steps } = await hand.engine.explain({ tenantId: 1, runId: id });
    assert.deepEqual(
      steps.map(({ path, blockers }) => [path, blockers.map(({ kind }) => kind)]),
      [
        ['child', ['paused']],
        ['yes', ['paused']],
      ],
    );
    assert.deepEqual(await startedBy(id), [0, 0]);
    await hand.engine.stop();
    hand = await engines.open();
    await eventually(async () => (await engines.statusOf(id)) === 'paused');
    assert.deepEqual(await startedBy(id), [0, 0]);

    await ask(id, 'resume');
    await eventually(async () => (await startedBy(id)).join() === '1,1');
  });

  it('goes on with all of its steps, also where a question was on its way when it was resumed', async () => {
    verifies('R8.cancel');
    await engines.database.admin((client) =>
      client.query(`CREATE FUNCTION tutti.gate() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_advisory_xact_lock_shared(${gate}); RETURN NEW; END $$;
        CREATE TRIGGER gate BEFORE INSERT ON tutti.approval FOR EACH ROW EXECUTE FUNCTION tutti.gate()`),
    );
    const keeper = await engines.pool.connect();
    try {
      await keeper.query('SELECT pg_advisory_lock($1)', [gate]);
      const { id } = await hand.start('lab.asked');
      await hand.dispatcher.next('first');
      await ask(id, 'pause');
      await endFirst(id);

      await ask(id, 'resume');

      await hand.dispatcher.next('second');
      await keeper.query('SELECT pg_advisory_unlock($1)', [gate]);
      await eventually(async () => (await engines.stepsOf(id)).yes === 'waiting');
      assert.deepEqual(await startedBy(id), [0, 1]);
    } finally {
      keeper.release(true);
    }
  });
});
