import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { askRun } from '../../core/engine/ask.ts';
import { History } from '../../core/engine/history/history.ts';
import { Lease } from '../../core/engine/lease/lease.ts';
import { Inbox } from '../../core/engine/store/inbox.ts';
import { Store } from '../../core/engine/store/store.ts';
import { loadRegistry, type RegisteredWorkflow } from '../../core/sdk/registry.ts';
import { requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const once = defineWorkflow({
  name: 'lab.once',
  graph: ({ task }) => {
    task({ id: 'only', agent: worker, input: {} });
  },
});

const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [once] })],
  limits: { running: 1 },
};
/** Three run at once, of whose calls of the ERP one may be under way. */
const crowded = { ...config, limits: { running: 3 }, erpLimit: { concurrency: 1 } };
const actor = { kind: 'person', id: 'tester', onBehalfOf: ['anna'] } as const;

describe('the priority of a run', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const prioritiesOf = async (ids: readonly string[]) => {
    const { rows } = await engines.pool.query<{ priority: number }>(
      'SELECT priority FROM tutti.run WHERE id = ANY ($1) ORDER BY id',
      [ids],
    );
    return rows.map(({ priority }) => priority);
  };

  it('can be changed while its steps wait, holds for those, too, and under the next owner', async () => {
    verifies('R2.priority-change', 'R8.crash', 'R9.restart');
    let hand = await engines.open();
    hand.dispatcher.answerCancels();
    const runs = [];
    for (const _ of [1, 2, 3, 4]) runs.push((await hand.start('lab.once')).id);
    const [one, low, usual, high] = runs as [string, string, string, string];
    const rank = (runId: string, priority: number) =>
      hand.engine.ask({ tenantId: 1, runId, kind: 'priority', priority, actor });
    let ended = 0;
    const finish = async (): Promise<string> => {
      ended += 1;
      const job = await hand.dispatcher.next('only', ended);
      hand.dispatcher.succeed(job.ref);
      await eventually(async () => (await engines.statusOf(job.runId)) === 'succeeded');
      return job.runId;
    };

    await rank(low, 2);
    await rank(high, 7);
    await rank(high, 9);
    const kinds = ['run.reprioritized'];
    await eventually(async () => (await engines.entriesOf(high, kinds)).length === 2);

    assert.deepEqual(await engines.entriesOf(high, kinds), [
      { kind: 'run.reprioritized', data: { from: 5, to: 7, by: actor } },
      { kind: 'run.reprioritized', data: { from: 7, to: 9, by: actor } },
    ]);
    assert.equal(await finish(), one);
    await eventually(() => hand.dispatcher.jobs.length === 2);
    assert.equal(hand.dispatcher.jobs[1]?.runId, high);
    assert.deepEqual(await prioritiesOf(runs), [5, 2, 5, 9]);
    await hand.engine.stop();

    hand = await engines.open();
    ended = 0;
    assert.deepEqual([await finish(), await finish(), await finish()], [high, usual, low]);
    assert.deepEqual(await prioritiesOf(runs), [5, 2, 5, 9]);
    await assert.rejects(rank(high, 3), { code: 'RUN_ENDED' });
  });

  it('decides which run is taken up first, also where nobody has it yet, and is shown as it was asked for', async () => {
    verifies('R2.priority-change', 'R12.audit');
    const [store, inbox] = [new Store(engines.pool), new Inbox(engines.pool)];
    const history = new History(engines.database);
    const known = loadRegistry(config, []).workflows.get('lab.once');
    const version = await store.publishWorkflow(1, known as RegisteredWorkflow);
    const submit = async (priority: number) => {
      const request = { ...requestOf('lab.once', { tenantId: 1 }), priority };
      return (await store.createRun(request, version)).id;
    };
    const [first, second, third] = [await submit(5), await submit(5), await submit(6)];
    const rank = (runId: string, priority?: number) =>
      askRun({ store, inbox }, { tenantId: 1, runId, kind: 'priority', priority, actor });

    await rank(second, 10);
    await rank(second, 8);
    for (const wrong of [undefined, 0, 11, 2.5])
      await assert.rejects(rank(first, wrong), { code: 'INPUT_INVALID' });

    assert.equal((await history.detail(1, second)).priority, 8);
    const lease = new Lease(engines.pool, 'test');
    await lease.take();
    const taken = [];
    for (const _ of [1, 2, 3]) taken.push((await store.claim(lease.boot, 1))[0]?.id);
    assert.deepEqual(taken, [second, third, first]);
    await rank(first, 7);
    assert.deepEqual(await prioritiesOf([first]), [5], 'its owner writes that');
    assert.equal((await history.detail(1, first)).priority, 7);
    const { rows } = await engines.pool.query(
      `SELECT target, data->>'priority' AS priority, actor->'onBehalfOf' AS for FROM tutti.audit WHERE action = 'run.priority' ORDER BY seq DESC LIMIT 1`,
    );
    assert.deepEqual(rows, [{ target: first, priority: '7', for: ['anna'] }]);
  });

  it('is asked for by messages that no engine loses: who takes the run up next does what the last owner did not', async () => {
    verifies('R2.priority-change', 'R9.restart');
    const left = await engines.open();
    left.dispatcher.answerCancels();
    const { id: runId } = await left.start('lab.once');
    await left.dispatcher.next('only');
    const [store, inbox] = [new Store(engines.pool), new Inbox(engines.pool)];
    // It has not looked since, and ends.
    await askRun({ store, inbox }, { tenantId: 1, runId, kind: 'priority', priority: 9, actor });
    await left.engine.stop();
    assert.deepEqual(await prioritiesOf([runId]), [5]);

    const next = await engines.open();

    await eventually(async () => (await prioritiesOf([runId]))[0] === 9);
    assert.deepEqual(await engines.entriesOf(runId, ['run.reprioritized']), [
      { kind: 'run.reprioritized', data: { from: 5, to: 9, by: actor } },
    ]);
    next.dispatcher.succeed((await next.dispatcher.next('only')).ref);
    await eventually(async () => (await engines.statusOf(runId)) === 'succeeded');
  });

  it('is heard behind any number of messages that only a newer release knows, which stay for that', async () => {
    verifies('R2.priority-change', 'R13.upgrade');
    const hand = await engines.open();
    const { id: runId } = await hand.start('lab.once');
    await hand.dispatcher.next('only');
    await engines.pool.query(
      `INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
       SELECT 1, $1, 'postpone', 'postpone ' || n, '{"to": "tomorrow"}', '{}' FROM generate_series(1, 600) n`,
      [runId],
    );

    await hand.engine.ask({ tenantId: 1, runId, kind: 'priority', priority: 8, actor });

    await eventually(async () => (await prioritiesOf([runId]))[0] === 8);
    const { rows } = await engines.pool.query(
      'SELECT kind, count(*)::int AS count FROM tutti.inbox WHERE run_id = $1 GROUP BY kind',
      [runId],
    );
    assert.deepEqual(rows, [{ kind: 'postpone', count: 600 }]);
    hand.dispatcher.succeed((await hand.dispatcher.next('only')).ref);
    await eventually(async () => (await engines.statusOf(runId)) === 'succeeded');
  });
});

describe('the priority of a run whose steps are under way', () => {
  const engines = new HandEngines(crowded);

  before(() => engines.prepare());
  after(async function () {
    await engines.stop();
    return engines.drop(this);
  });

  it('decides which of their calls a limited ERP gets next', async () => {
    verifies('R2.priority-change');
    const { engine, dispatcher, start } = await engines.open();
    const refs = [];
    const runs = [];
    for (const count of [1, 2, 3]) {
      runs.push((await start('lab.once')).id);
      refs.push((await dispatcher.next('only', count)).ref);
    }
    const [, , last = ''] = runs;
    for (const ref of refs) dispatcher.say({ kind: 'enter', ref, id: 1, side: 'erp' });
    const entered = () =>
      dispatcher.told.flatMap((each) => (each.kind === 'entered' ? each.ref : []));
    assert.deepEqual(entered(), refs.slice(0, 1));

    await engine.ask({ tenantId: 1, runId: last, kind: 'priority', priority: 7, actor });
    await eventually(
      async () => (await engines.entriesOf(last, ['run.reprioritized'])).length === 1,
    );
    dispatcher.say({ kind: 'leave', ref: refs[0] as number, id: 1 });

    assert.deepEqual(entered(), [refs[0], refs[2]]);
    for (const ref of refs) dispatcher.succeed(ref);
  });
});
