import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../support/eventually.ts';
import type { HandDispatcher } from '../support/fixtures/hand-dispatcher.ts';
import { HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const timeoutMs = 60_000;

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  limits: { attempts: 2, timeoutMs },
  tools: {},
}).playbook(async () => ({}));

const pair = defineWorkflow({
  name: 'lab.pair',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent: worker, input: {} });
    task({ id: 'beside', agent: worker, input: {} });
    task({ id: 'after', agent: worker, input: {}, after: [first], join: 'all_done' });
  },
});

const due = defineWorkflow({
  name: 'lab.due',
  deadline: 'PT1M',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent: worker, input: {} });
    task({ id: 'after', agent: worker, input: {}, after: [first] });
  },
});

const config = {
  modules: [
    defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [pair, due] }),
  ],
};
const failure = { code: 'AGENT_FAILED', message: 'it failed' } as const;
const actor = { kind: 'person', id: 'tester' } as const;

describe('an engine over any executor', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  it('runs steps wherever they are sent, and ends with their ends', async () => {
    verifies('R3.custom-executor', 'R1.task', 'R1.branches');
    const { start, dispatcher } = await engines.open();
    const run = await start('lab.pair');

    for (const path of ['first', 'beside', 'after'])
      dispatcher.succeed((await dispatcher.next(path)).ref);

    assert.equal(await run.ended, 'succeeded');
  });

  for (const [what, end] of [
    ['its thread is lost', (hand: HandDispatcher, ref: number) => hand.lose(ref, false)],
    [
      'it fails in a way that would be tried again',
      (hand: HandDispatcher, ref: number) => hand.fail(ref, failure),
    ],
  ] as const) {
    it(`starts a step of a cancelled run no second time when ${what}`, async () => {
      verifies('R8.cancel');
      const { engine, start, dispatcher, clock } = await engines.open();
      const run = await start('lab.pair');
      const [first, beside] = [await dispatcher.next('first'), await dispatcher.next('beside')];

      await engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor });
      end(dispatcher, first.ref);
      end(dispatcher, beside.ref);
      clock.pass(60_000);

      assert.equal(await run.ended, 'cancelled');
      assert.deepEqual(await engines.stepsOf(run.id), {
        first: 'cancelled',
        beside: 'cancelled',
        after: 'cancelled',
      });
      assert.equal(dispatcher.jobs.length, 2);
    });
  }

  it('cancels a run at its deadline, and not before', async () => {
    verifies('R1.limits');
    const { start, dispatcher, clock } = await engines.open();
    dispatcher.answerCancels();
    const run = await start('lab.due');
    await dispatcher.next('first');

    clock.pass(50_000);
    assert.deepEqual(dispatcher.cancelled, []);
    clock.pass(20_000);

    assert.equal(await run.ended, 'cancelled');
    assert.deepEqual(await engines.stepsOf(run.id), { first: 'cancelled', after: 'cancelled' });
  });

  it('starts nothing of what a cancelled step held back, however soon it ends', async () => {
    verifies('R8.cancel');
    const { engine, start, dispatcher } = await engines.open();
    dispatcher.answerCancels();
    const run = await start('lab.pair');
    await dispatcher.next('first');
    await dispatcher.next('beside');

    await engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor });

    assert.equal(await run.ended, 'cancelled');
    assert.deepEqual(await engines.stepsOf(run.id), {
      first: 'cancelled',
      beside: 'cancelled',
      after: 'cancelled',
    });
    assert.deepEqual(
      dispatcher.cancelled.map(({ error }) => error.code),
      ['CANCELLED', 'CANCELLED'],
    );
    assert.equal(dispatcher.jobs.length, 2);
  });

  it('tries a step again after a failure that may pass, as often as its agent says', async () => {
    verifies('R8.retry', 'R6.backoff');
    const { start, dispatcher, clock } = await engines.open();
    const run = await start('lab.pair');
    dispatcher.succeed((await dispatcher.next('beside')).ref);

    dispatcher.fail((await dispatcher.next('first')).ref, failure);
    clock.pass(500);
    dispatcher.fail((await dispatcher.next('first', 2)).ref, failure);
    dispatcher.succeed((await dispatcher.next('after')).ref);

    assert.equal(await run.ended, 'failed');
    assert.deepEqual(await engines.stepsOf(run.id), {
      first: 'AGENT_FAILED',
      beside: 'succeeded',
      after: 'succeeded',
    });
    const { rows } = await engines.pool.query(
      'SELECT no, outcome FROM tutti.attempt WHERE run_id = $1 AND step = 0 ORDER BY 1',
      [run.id],
    );
    assert.deepEqual(rows, [
      { no: 1, outcome: 'failed' },
      { no: 2, outcome: 'failed' },
    ]);
  });

  it('tries a failure that will not pass no second time', async () => {
    verifies('R8.fail-fast');
    const { start, dispatcher } = await engines.open();
    const run = await start('lab.pair');
    dispatcher.succeed((await dispatcher.next('beside')).ref);

    dispatcher.fail((await dispatcher.next('first')).ref, {
      code: 'OUTPUT_INVALID',
      message: 'no',
    });
    dispatcher.succeed((await dispatcher.next('after')).ref);

    assert.equal(await run.ended, 'failed');
    assert.equal(dispatcher.jobs.length, 3);
  });

  it('runs a suspect alone, and gives it up when it takes that thread down, too', async () => {
    verifies('R8.quarantine');
    const { start, dispatcher } = await engines.open();
    const run = await start('lab.pair');

    dispatcher.lose((await dispatcher.next('first')).ref, true);
    dispatcher.lose((await dispatcher.next('beside')).ref, false);
    const [alone, again] = [await dispatcher.next('first', 2), await dispatcher.next('beside', 2)];
    dispatcher.lose(alone.ref, true);
    dispatcher.succeed(again.ref);
    dispatcher.succeed((await dispatcher.next('after')).ref);

    assert.deepEqual([alone.alone, again.alone], [true, false]);
    assert.equal(await run.ended, 'failed');
    assert.deepEqual(await engines.stepsOf(run.id), {
      first: 'STEP_CRASHED',
      beside: 'succeeded',
      after: 'succeeded',
    });
  });

  for (const [whose, asked] of [
    ['run', {}],
    ['step', { step: 'first' }],
  ] as const) {
    it(`calls a suspect cancelled, not guilty, whose ${whose} was cancelled before its thread went down`, async () => {
      verifies('R8.cancel', 'R8.quarantine');
      const { engine, start, dispatcher } = await engines.open();
      const run = await start('lab.pair');
      dispatcher.lose((await dispatcher.next('first')).ref, true);
      const { ref, alone } = await dispatcher.next('first', 2);

      await engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', ...asked, actor });
      await eventually(() => dispatcher.cancelled.some((each) => each.ref === ref));
      dispatcher.lose(ref, true);
      dispatcher.succeed((await dispatcher.next('beside')).ref);
      if (whose === 'step') dispatcher.succeed((await dispatcher.next('after')).ref);
      await run.ended;

      assert.equal(alone, true);
      assert.equal((await engines.stepsOf(run.id)).first, 'cancelled');
    });
  }

  it('has the time of a suspect stand still while others are suspected before it', async () => {
    verifies('R8.quarantine', 'R3.timeout');
    const { start, dispatcher, clock } = await engines.open();
    dispatcher.isFull = true;
    const run = await start('lab.pair');
    dispatcher.succeed((await dispatcher.next('beside')).ref);
    dispatcher.lose((await dispatcher.next('first')).ref, true);
    const { ref } = await dispatcher.next('first', 2);

    clock.pass(2 * timeoutMs);
    assert.equal(dispatcher.cancelled.length, 0);

    dispatcher.begin(ref);
    clock.pass(timeoutMs - 1);
    assert.equal(dispatcher.cancelled.length, 0);
    clock.pass(1);
    assert.deepEqual(
      dispatcher.cancelled.map(({ error }) => error.code),
      ['AGENT_TIMEOUT'],
    );
    dispatcher.succeed(ref);
    dispatcher.succeed((await dispatcher.next('after')).ref);
    assert.equal(await run.ended, 'succeeded');
  });

  it('tries a step again whose end nobody can read, once what said so is given up', async () => {
    verifies('R13.remote', 'R8.isolation');
    const { start, dispatcher } = await engines.open();
    const run = await start('lab.pair');
    const { ref } = await dispatcher.next('first');
    const done = {
      kind: 'succeeded',
      degraded: false,
      trust: 'system',
      output: '{"cut": ',
    } as const;

    // Whoever hears the machine gives it up for that.
    assert.throws(() => dispatcher.say({ kind: 'done', ref, done }), SyntaxError);
    dispatcher.lose(ref, null);

    for (const [step, nth] of [
      ['first', 2],
      ['beside', 1],
      ['after', 1],
    ] as const)
      dispatcher.succeed((await dispatcher.next(step, nth)).ref);
    assert.equal(await run.ended, 'succeeded');
  });

  it('does not find a suspect guilty where only the way to it was lost', async () => {
    verifies('R13.remote', 'R8.quarantine');
    const { start, dispatcher } = await engines.open();
    const run = await start('lab.pair');
    dispatcher.lose((await dispatcher.next('first')).ref, true);

    for (const nth of [2, 3]) {
      const { ref, alone } = await dispatcher.next('first', nth);
      assert.ok(alone);
      dispatcher.lose(ref, null);
    }
    for (const [step, nth] of [
      ['first', 4],
      ['beside', 1],
      ['after', 1],
    ] as const)
      dispatcher.succeed((await dispatcher.next(step, nth)).ref);

    assert.equal(await run.ended, 'succeeded');
  });

  it('stops whole when another engine has taken over, and that one finishes', async () => {
    verifies('R9.one-writer', 'R9.take-over', 'R13.several-engines');
    const old = await engines.open();
    const run = await old.start('lab.pair');
    const first = await old.dispatcher.next('first');
    // What the reconciler of another engine does once the lease has run out; the old one's thread would renew it in between.
    await engines.pool.query(
      `WITH gone AS (UPDATE tutti.engine SET state = 'gone' WHERE state = 'alive' RETURNING id)
       UPDATE tutti.run r SET owner = NULL, takeovers = r.takeovers + 1 FROM gone WHERE r.owner = gone.id`,
    );

    const heir = await engines.open();
    const ended = heir.engine.whenEnded(run.id);
    const again = await heir.dispatcher.next('first');
    old.dispatcher.succeed(first.ref, { from: 'the old one' });
    for (const path of ['first', 'beside', 'after'])
      heir.dispatcher.succeed((await heir.dispatcher.next(path)).ref);

    assert.equal(await ended, 'succeeded');
    assert.equal(again.attempt, 2);
    await eventually(() => old.failures.length > 0);
    assert.deepEqual(
      old.failures.map(({ code }) => code),
      ['ENGINE_FENCED'],
    );
    assert.equal(old.engine.trouble?.code, 'ENGINE_STOPPED');
    const { rows } = await engines.pool.query(
      `SELECT count(*)::int AS ends FROM tutti.entry WHERE run_id = $1 AND kind = 'step.succeeded' AND step = 0`,
      [run.id],
    );
    assert.deepEqual(rows, [{ ends: 1 }]);
  });
});
