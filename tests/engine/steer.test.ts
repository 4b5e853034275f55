import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { askRun, type RunAsk } from '../../core/engine/ask.ts';
import { History } from '../../core/engine/history/history.ts';
import { Inbox } from '../../core/engine/store/inbox.ts';
import { Store } from '../../core/engine/store/store.ts';
import { requestOf } from '../support/engine.ts';
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

const chain = defineWorkflow({
  name: 'lab.chain',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent: worker, input: {} });
    const second = task({ id: 'second', agent: worker, input: {}, after: [first] });
    task({ id: 'third', agent: worker, input: {}, after: [second] });
    task({ id: 'always', agent: worker, input: {}, after: [first], join: 'all_done' });
    task({ id: 'beside', agent: worker, input: {} });
  },
});

const timed = defineWorkflow({
  name: 'lab.timed',
  deadline: 'PT1H',
  graph: ({ task }) => {
    task({ id: 'only', agent: worker, input: {} });
  },
});

const each = defineWorkflow({
  name: 'lab.each',
  input: z.object({ items: z.array(z.object({ id: z.string() })) }),
  graph: ({ foreach, task, input }) => {
    const items = foreach({
      id: 'items',
      items: input.items,
      key: (item) => item.id,
      concurrency: 2,
      each: ({ task }) => task({ id: 'items', agent: worker, input: {} }),
    });
    task({ id: 'after', agent: worker, input: {}, after: [items], join: 'all_done' });
    task({ id: 'beside', agent: worker, input: {} });
  },
});

const config = {
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [worker],
      workflows: [chain, each, timed],
    }),
  ],
};
const actor = { kind: 'person', id: 'tester' } as const;

describe('a run that somebody steers', () => {
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

  const ask = (
    runId: string,
    kind: RunAsk['kind'],
    target: Pick<RunAsk, 'step' | 'subtree'> = {},
  ): Promise<void> => hand.engine.ask({ tenantId: 1, runId, kind, ...target, actor });

  const succeed = async (...paths: readonly string[]): Promise<void> => {
    for (const path of paths) hand.dispatcher.succeed((await hand.dispatcher.next(path)).ref);
  };

  it('starts nothing while it is paused, lets what runs end, and goes on when it is resumed', async () => {
    verifies('R8.cancel');
    const run = await hand.start('lab.chain');
    await hand.dispatcher.next('beside');

    await ask(run.id, 'pause');
    await succeed('first', 'beside');
    await eventually(async () => (await engines.stepsOf(run.id)).first === 'succeeded');
    assert.equal(hand.dispatcher.jobs.length, 2);
    assert.equal(await engines.statusOf(run.id), 'paused');
    assert.equal((await engines.stepsOf(run.id)).second, 'ready');

    await ask(run.id, 'resume');
    await succeed('second', 'third', 'always');
    assert.equal(await run.ended, 'succeeded');
  });

  it('is still paused when another engine takes it up', async () => {
    const run = await hand.start('lab.chain');
    await succeed('beside');
    await ask(run.id, 'pause');
    await succeed('first');
    await eventually(async () => (await engines.stepsOf(run.id)).first === 'succeeded');
    await hand.engine.stop();

    hand = await engines.open();
    const ended = hand.engine.whenEnded(run.id);
    await eventually(async () => (await engines.statusOf(run.id)) === 'paused');
    assert.equal(hand.dispatcher.jobs.length, 0);

    await ask(run.id, 'resume');
    await succeed('second', 'third', 'always');
    assert.equal(await ended, 'succeeded');
  });

  it('hears what was asked of it while its engine took it up', async () => {
    verifies('R8.cancel', 'R9.restart');
    const gate = await engines.pool.connect();
    try {
      // A run is ours from its claim on; its purses are opened later.
      await gate.query('BEGIN; LOCK TABLE tutti.budget IN ACCESS EXCLUSIVE MODE');
      const starting = hand.start('lab.chain');
      let id = '';
      await eventually(async () => {
        const { rows } = await engines.pool.query<{ id: string }>(
          `SELECT id FROM tutti.run WHERE owner IS NOT NULL AND ended_at IS NULL`,
        );
        id = rows[0]?.id ?? '';
        return id !== '';
      });
      await ask(id, 'cancel');
      await gate.query('COMMIT');
      await starting;

      await eventually(async () => {
        hand.clock.pass(1_000);
        return (await engines.statusOf(id)) === 'cancelled';
      });
    } finally {
      gate.release();
    }
  });

  it('loses one cancelled step, and what waits for it goes on as its join asks', async () => {
    verifies('R8.cancel');
    const run = await hand.start('lab.chain');
    await hand.dispatcher.next('first');

    await ask(run.id, 'cancel', { step: 'first' });
    await succeed('always', 'beside');

    assert.equal(await run.ended, 'succeeded');
    assert.deepEqual(await engines.stepsOf(run.id), {
      first: 'cancelled',
      second: 'skipped',
      third: 'skipped',
      always: 'succeeded',
      beside: 'succeeded',
    });
  });

  it('loses a whole subtree, and nothing beside it', async () => {
    verifies('R8.cancel');
    const run = await hand.start('lab.chain');
    await hand.dispatcher.next('first');

    await ask(run.id, 'cancel', { step: 'first', subtree: true });
    await succeed('beside');

    assert.equal(await run.ended, 'succeeded');
    assert.deepEqual(await engines.stepsOf(run.id), {
      first: 'cancelled',
      second: 'cancelled',
      third: 'cancelled',
      always: 'cancelled',
      beside: 'succeeded',
    });
    assert.equal(hand.dispatcher.jobs.length, 2);
  });

  it('loses a foreach with all of its items, those that run and those that never ran', async () => {
    const input = { items: ['a', 'b', 'c', 'd'].map((id) => ({ id })) };
    const run = await hand.start('lab.each', input);
    await succeed('items[a]');
    await hand.dispatcher.next('items[c]');

    await ask(run.id, 'cancel', { step: 'items' });
    await succeed('after', 'beside');

    assert.equal(await run.ended, 'succeeded');
    const steps = await engines.stepsOf(run.id);
    assert.deepEqual(
      [steps.items, steps['items[a]'], steps['items[b]'], steps['items[c]'], steps['items[d]']],
      ['cancelled', 'succeeded', 'cancelled', 'cancelled', 'cancelled'],
    );
  });

  it('loses one item, and the others go on', async () => {
    const input = { items: ['a', 'b', 'c'].map((id) => ({ id })) };
    const run = await hand.start('lab.each', input);
    await hand.dispatcher.next('items[b]');

    await ask(run.id, 'cancel', { step: 'items[b]' });
    await succeed('items[a]', 'items[c]', 'after', 'beside');

    assert.equal(await run.ended, 'succeeded');
    const steps = await engines.stepsOf(run.id);
    assert.deepEqual(
      [steps.items, steps['items[b]'], steps['items[c]']],
      ['succeeded', 'cancelled', 'succeeded'],
    );
  });

  it('is cancelled as it was asked by an engine that takes it up', async () => {
    verifies('R8.cancel', 'R9.restart');
    hand.dispatcher.answerCancels(false);
    const run = await hand.start('lab.chain');
    await hand.dispatcher.next('first');
    await ask(run.id, 'cancel', { step: 'first', subtree: true });
    await eventually(async () => (await engines.stepsOf(run.id)).second === 'cancelled');
    await hand.engine.stop();

    hand = await engines.open();
    const ended = hand.engine.whenEnded(run.id);
    await succeed('beside');

    assert.equal(await ended, 'succeeded');
    assert.equal((await engines.stepsOf(run.id)).first, 'cancelled');
    assert.equal(hand.dispatcher.jobs.length, 1);
  });

  it('is cancelled where somebody has asked for that, too, after having cancelled all of its steps', async () => {
    verifies('R8.cancel');
    const run = await hand.start('lab.timed');
    await hand.dispatcher.next('only');
    await hand.engine.stop();
    const left = { tenantId: 1, runId: run.id, kind: 'cancel', actor } as const;
    const parts = { store: new Store(engines.pool), inbox: new Inbox(engines.pool) };
    await askRun(parts, { ...left, step: 'only' });
    await askRun(parts, left);

    hand = await engines.open();
    hand.dispatcher.answerCancels();

    assert.equal(await hand.engine.whenEnded(run.id), 'cancelled');
  });

  it('is cancelled at the moment by which it was to end, whoever has it then, and its retry is not', async () => {
    verifies('R2.schedule', 'R9.restart');
    const hour = 3_600_000;
    const now = hand.clock.now();
    const request = {
      ...requestOf('lab.chain', { tenantId: 1 }),
      deadlineAt: new Date(now + hour),
    };
    const { id } = await hand.engine.startRun(request);
    await hand.dispatcher.next('first');
    await hand.engine.stop();
    hand = await engines.open(now + hour / 2);
    hand.dispatcher.answerCancels();
    const ended = hand.engine.whenEnded(id);
    await succeed('first');
    await hand.dispatcher.next('second');
    hand.clock.pass(hour / 2 - 1_000);
    assert.equal(await engines.statusOf(id), 'running');

    hand.clock.pass(2_000);

    assert.equal(await ended, 'cancelled');
    const told = await engines.entriesOf(id, ['run.cancelling']);
    assert.deepEqual(told, [{ kind: 'run.cancelling', data: { reason: 'deadline' } }]);
    const again = await hand.engine.retryRun({ tenantId: 1, runId: id, actor });
    hand.clock.pass(hour);
    const { rows } = await engines.pool.query(
      `SELECT status, pins->>'deadlineAt' AS deadline FROM tutti.run WHERE id = $1`,
      [again.id],
    );
    assert.deepEqual(rows, [{ status: 'running', deadline: null }]);
  });

  it('shows by when it must have ended: by its workflow, by whoever asked for it, whichever is earlier', async () => {
    verifies('R1.limits');
    const history = new History(engines.database);
    const deadlineOf = async (workflow: string, deadlineAt?: Date) => {
      const request = {
        ...requestOf(workflow, { tenantId: 1 }),
        ...(deadlineAt && { deadlineAt }),
      };
      const { id } = await hand.engine.startRun(request);
      const shown = await history.detail(1, id);
      return {
        ...shown,
        own: shown.deadlineAt && Number(shown.deadlineAt) - Number(shown.createdAt),
      };
    };
    const soon = new Date(Date.now() + 60_000);
    const late = new Date(Date.now() + 86_400_000);

    assert.equal((await deadlineOf('lab.chain')).deadlineAt, null);
    assert.deepEqual((await deadlineOf('lab.chain', late)).deadlineAt, late);
    assert.equal((await deadlineOf('lab.timed')).own, 3_600_000);
    assert.equal((await deadlineOf('lab.timed', late)).own, 3_600_000);
    assert.deepEqual((await deadlineOf('lab.timed', soon)).deadlineAt, soon);
  });

  it('refuses what cannot be asked of it', async () => {
    const run = await hand.start('lab.chain');
    await assert.rejects(ask(run.id, 'cancel', { step: 'nowhere' }), { code: 'STEP_UNKNOWN' });
    await ask(run.id, 'cancel');
    assert.equal(await run.ended, 'cancelled');
    await assert.rejects(ask(run.id, 'pause'), { code: 'RUN_ENDED' });
    const nobody = '01990000-0000-7000-8000-000000000001';
    await assert.rejects(ask(nobody, 'cancel'), { code: 'RUN_UNKNOWN' });
  });
});
