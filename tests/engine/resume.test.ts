import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { Inbox } from '../../core/engine/store/inbox.ts';
import type { FromThread, Job } from '../../core/ports/dispatcher.ts';
import { answersOf, partsOf } from '../../core/ports/recorded-turn.ts';
import { eventually } from '../support/eventually.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const talker = defineAgent({
  name: 'talker',
  purpose: 'Talks.',
  instructions: 'Talk.',
  input: z.object({}),
  output: z.object({}),
  limits: { costMicroUsd: 1_000_000 },
  tools: {},
  recovery: [
    {
      on: ['OUTPUT_INVALID'],
      ways: [{ strategy: 'reset', retry: { baseMs: 20_000, jitter: 'none' } }],
    },
  ],
}).playbook(async () => ({}));

const talk = defineWorkflow({
  name: 'lab.talk',
  graph: ({ task }) => {
    task({ id: 'talk', agent: talker, input: {} });
  },
});

const model = { targets: [{ provider: 'scripted', model: 'none' }], choose: 'order' } as const;
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [talk] })],
  prices: { none: { input: 1, cachedInput: 1, cacheWrite: 1, output: 1 } },
};
const failure = { code: 'MODEL_UNAVAILABLE', message: 'the provider is away' } as const;

describe('a step that goes on', () => {
  const engines = new HandEngines(config, { fast: model, standard: model, deep: model });
  let hand: HandEngine;

  before(() => engines.prepare());
  beforeEach(async () => {
    hand = await engines.open();
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** Holds one turn as a thread does: a permit, the answer of the model and, with `answered`, of its tools. */
  async function turn(job: Job, number: number, answered: boolean): Promise<void> {
    if (number > 1 || !job.permitted) {
      const granted = hand.dispatcher.told.length;
      hand.dispatcher.say({ kind: 'permit', ref: job.ref, bytes: 100 });
      await eventually(() => hand.dispatcher.told.length > granted);
    }
    const parts = [{ kind: 'call', id: `c${number}`, name: 'look', args: {} }];
    const usage = { input: 10, cachedInput: 0, cacheWrite: 0, output: 5, reasoning: 0 };
    const done = { turn: number, model: 'none', stop: 'tools', sent: true, durationMs: 1 };
    hand.dispatcher.say({
      kind: 'turn',
      ref: job.ref,
      done: { ...done, usage, body: JSON.stringify(parts) },
    } as FromThread);
    if (!answered) return;
    const results = [
      { kind: 'result', id: `c${number}`, name: 'look', content: '7', isError: false },
    ];
    hand.dispatcher.say({
      kind: 'entry',
      ref: job.ref,
      entry: {
        kind: 'turn.answered',
        data: { turn: number, calls: 1 },
        body: JSON.stringify({ results, external: number === 1, findings: [] }),
      },
    });
  }

  async function ledger(id: string): Promise<readonly string[]> {
    const { rows } = await engines.pool.query<{ state: string }>(
      'SELECT state FROM tutti.ledger WHERE run_id = $1 ORDER BY seq',
      [id],
    );
    return rows.map(({ state }) => state);
  }

  it('hands on the conversation that it has paid for when its thread is lost', async () => {
    verifies('R8.crash', 'R9.restart');
    const run = await hand.start('lab.talk');
    const first = await hand.dispatcher.next('talk');
    await turn(first, 1, true);
    await turn(first, 2, false);
    hand.dispatcher.lose(first.ref, false);

    const again = await hand.dispatcher.next('talk', 2);

    assert.deepEqual([first.recorded, first.permitted], [[], true]);
    assert.equal(again.permitted, false);
    assert.deepEqual(
      again.recorded.map((turn) => {
        const answered = answersOf(turn);
        return [
          turn.stop,
          partsOf(turn).length,
          answered && [answered.external, answered.results.length],
        ];
      }),
      [
        ['tools', 1, [true, 1]],
        ['tools', 1, null],
      ],
    );
    await turn(again, 3, false);
    hand.dispatcher.succeed(again.ref);
    assert.equal(await run.ended, 'succeeded');
    assert.deepEqual(await ledger(run.id), ['settled', 'settled', 'settled']);
    const turns = await engines.entriesOf(run.id, ['turn.started']);
    assert.deepEqual(
      turns.map(({ data }) => data.turn),
      [1, 2, 3],
    );
  });

  it('goes on after a failed call, and begins anew after an answer that was no good', async () => {
    verifies('R8.retry');
    const run = await hand.start('lab.talk');
    const first = await hand.dispatcher.next('talk');
    await turn(first, 1, true);
    hand.dispatcher.fail(first.ref, failure);
    await eventually(async () => (await engines.stepsOf(run.id)).talk === 'waiting');
    hand.clock.pass(40_000);

    const again = await hand.dispatcher.next('talk', 2);
    assert.equal(again.recorded.length, 1);
    hand.dispatcher.succeed(again.ref);
    assert.equal(await run.ended, 'succeeded');
  });

  it('is handed on by an engine that was stopped, without blame', async () => {
    verifies('R9.restart');
    const run = await hand.start('lab.talk');
    await turn(await hand.dispatcher.next('talk'), 1, true);
    await eventually(async () => (await ledger(run.id))[0] === 'settled');
    await hand.engine.stop();
    assert.equal((await engines.stepsOf(run.id)).talk, 'ready');

    hand = await engines.open();
    const ended = hand.engine.whenEnded(run.id);
    const again = await hand.dispatcher.next('talk');

    assert.equal(again.recorded.length, 1);
    hand.dispatcher.succeed(again.ref);
    assert.equal(await ended, 'succeeded');
    const { rows } = await engines.pool.query(
      'SELECT attempt, crashes, status FROM tutti.step WHERE run_id = $1',
      [run.id],
    );
    assert.deepEqual(rows, [{ attempt: 2, crashes: 0, status: 'succeeded' }]);
  });

  it('keeps the moment of its next try across engines', async () => {
    verifies('R9.restart', 'R8.retry');
    const run = await hand.start('lab.talk');
    const first = await hand.dispatcher.next('talk');
    const patient = { ...failure, details: { retryAfterMs: 60_000 } };
    hand.dispatcher.fail(first.ref, patient);
    await eventually(async () => (await engines.stepsOf(run.id)).talk === 'waiting');
    const at = hand.clock.now();
    await hand.engine.stop();

    hand = await engines.open(at + 10_000);
    const ended = hand.engine.whenEnded(run.id);
    hand.clock.pass(45_000);
    assert.equal(hand.dispatcher.jobs.length, 0);
    hand.clock.pass(10_000);
    hand.dispatcher.succeed((await hand.dispatcher.next('talk')).ref);

    assert.equal(await ended, 'succeeded');
  });

  it('begins anew after an answer that was no good, though another engine goes on, and goes on from there', async () => {
    verifies('R9.restart', 'R8.retry');
    const run = await hand.start('lab.talk');
    const first = await hand.dispatcher.next('talk');
    await turn(first, 1, true);
    const spoiled = { code: 'OUTPUT_INVALID', message: 'it does not fit' } as const;
    hand.dispatcher.fail(first.ref, spoiled);
    await eventually(async () => (await engines.stepsOf(run.id)).talk === 'waiting');
    const at = hand.clock.now();
    await hand.engine.stop();

    hand = await engines.open(at + 10_000);
    hand.clock.pass(10_001);
    const second = await hand.dispatcher.next('talk');
    assert.deepEqual(second.recorded, []);
    await turn(second, 1, true);
    await eventually(async () => (await ledger(run.id)).at(-1) === 'settled');
    await hand.engine.stop();

    hand = await engines.open(at + 80_000);
    const ended = hand.engine.whenEnded(run.id);
    const third = await hand.dispatcher.next('talk');
    assert.equal(third.recorded.length, 1);
    hand.dispatcher.succeed(third.ref);
    assert.equal(await ended, 'succeeded');
    assert.deepEqual(await ledger(run.id), ['settled', 'settled']);
  });

  it('waits for the person who settles its effect, holding nothing, and goes on then', async () => {
    verifies('R8.crash');
    const run = await hand.start('lab.talk');
    const first = await hand.dispatcher.next('talk');
    const key = 'ab'.repeat(32);
    hand.dispatcher.fail(first.ref, {
      code: 'EFFECT_IN_REVIEW',
      message: 'nobody knows',
      details: { key },
    });
    await eventually(async () => (await engines.statusOf(run.id)) === 'waiting');
    await hand.engine.stop();
    hand = await engines.open();
    const ended = hand.engine.whenEnded(run.id);
    await eventually(() => hand.engine.trouble === null);
    assert.equal(hand.dispatcher.jobs.length, 0);

    await new Inbox(engines.pool).send({
      tenantId: 1,
      runId: run.id,
      kind: 'settled',
      dedupe: `settled:${key}`,
      data: { key, step: 0 },
      actor: { kind: 'person', id: 'tester' },
    });
    hand.clock.pass(1_500);
    hand.dispatcher.succeed((await hand.dispatcher.next('talk')).ref);

    assert.equal(await ended, 'succeeded');
  });
});
