import assert from 'node:assert/strict';
import type pg from 'pg';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import type { EngineError } from '../../core/base/errors.ts';
import { Engine } from '../../core/engine/engine.ts';
import { memoryConnector } from '../../core/ports/erp/memory.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { requestOf } from '../support/engine.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import { HandDispatcher } from '../support/fixtures/hand-dispatcher.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  limits: { attempts: 2 },
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
const registry = loadRegistry(config, []);
const failure = { code: 'AGENT_FAILED', message: 'it failed' } as const;
const actor = { kind: 'person', id: 'tester' } as const;

describe('an engine over any executor', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  const engines: Engine[] = [];

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
  });

  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.stop();
  });

  after(function () {
    return fresh.drop(this);
  });

  async function anEngine() {
    const dispatcher = new HandDispatcher();
    const clock = new FakeClock(Date.now());
    const failures: EngineError[] = [];
    const engine = new Engine({
      database: fresh.database,
      registry,
      config,
      dispatcher,
      clock,
      profiles: null,
      connector: () => memoryConnector([], new Map()),
      version: 'test',
      onFailure: (error) => failures.push(error),
    });
    engines.push(engine);
    await engine.start();
    return { engine, dispatcher, clock, failures };
  }

  async function started(
    engine: Engine,
    workflow = 'lab.pair',
  ): Promise<{ readonly id: string; readonly ended: Promise<string> }> {
    const { id } = await engine.startRun(requestOf(workflow, { tenantId: 1 }));
    return { id, ended: engine.whenEnded(id) };
  }

  async function stepsOf(id: string): Promise<Readonly<Record<string, string>>> {
    const { rows } = await pool.query<{ node: string; status: string; code: string | null }>(
      `SELECT node, status, error->>'code' AS code FROM tutti.step WHERE run_id = $1 ORDER BY id`,
      [id],
    );
    return Object.fromEntries(rows.map(({ node, status, code }) => [node, code ?? status]));
  }

  it('runs steps wherever they are sent, and ends with their ends', async () => {
    verifies('R3.custom-executor');
    const { engine, dispatcher } = await anEngine();
    const run = await started(engine);

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
      const { engine, dispatcher, clock } = await anEngine();
      const run = await started(engine);
      const [first, beside] = [await dispatcher.next('first'), await dispatcher.next('beside')];

      await engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor: actor });
      end(dispatcher, first.ref);
      end(dispatcher, beside.ref);
      clock.pass(60_000);

      assert.equal(await run.ended, 'cancelled');
      assert.deepEqual(await stepsOf(run.id), {
        first: 'cancelled',
        beside: 'cancelled',
        after: 'cancelled',
      });
      assert.equal(dispatcher.jobs.length, 2);
    });
  }

  it('cancels a run at its deadline, and not before', async () => {
    verifies('R1.limits');
    const { engine, dispatcher, clock } = await anEngine();
    dispatcher.answersCancel = true;
    const run = await started(engine, 'lab.due');
    await dispatcher.next('first');

    clock.pass(50_000);
    assert.deepEqual(dispatcher.cancelled, []);
    clock.pass(20_000);

    assert.equal(await run.ended, 'cancelled');
    assert.deepEqual(await stepsOf(run.id), { first: 'cancelled', after: 'cancelled' });
  });

  it('starts nothing of what a cancelled step held back, however soon it ends', async () => {
    verifies('R8.cancel');
    const { engine, dispatcher } = await anEngine();
    dispatcher.answersCancel = true;
    const run = await started(engine);
    await dispatcher.next('first');
    await dispatcher.next('beside');

    await engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor: actor });

    assert.equal(await run.ended, 'cancelled');
    assert.deepEqual(await stepsOf(run.id), {
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
    const { engine, dispatcher, clock } = await anEngine();
    const run = await started(engine);
    dispatcher.succeed((await dispatcher.next('beside')).ref);

    dispatcher.fail((await dispatcher.next('first')).ref, failure);
    clock.pass(500);
    dispatcher.fail((await dispatcher.next('first', 2)).ref, failure);
    dispatcher.succeed((await dispatcher.next('after')).ref);

    assert.equal(await run.ended, 'failed');
    assert.deepEqual(await stepsOf(run.id), {
      first: 'AGENT_FAILED',
      beside: 'succeeded',
      after: 'succeeded',
    });
    const { rows } = await pool.query(
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
    const { engine, dispatcher } = await anEngine();
    const run = await started(engine);
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
    const { engine, dispatcher } = await anEngine();
    const run = await started(engine);

    dispatcher.lose((await dispatcher.next('first')).ref, true);
    dispatcher.lose((await dispatcher.next('beside')).ref, false);
    const [alone, again] = [await dispatcher.next('first', 2), await dispatcher.next('beside', 2)];
    dispatcher.lose(alone.ref, true);
    dispatcher.succeed(again.ref);
    dispatcher.succeed((await dispatcher.next('after')).ref);

    assert.deepEqual([alone.alone, again.alone], [true, false]);
    assert.equal(await run.ended, 'failed');
    assert.deepEqual(await stepsOf(run.id), {
      first: 'STEP_CRASHED',
      beside: 'succeeded',
      after: 'succeeded',
    });
  });

  it('stops whole when another engine has taken over, and that one finishes', async () => {
    verifies('R9.one-writer', 'R9.take-over', 'R13.several-engines');
    const old = await anEngine();
    const run = await started(old.engine);
    const first = await old.dispatcher.next('first');
    await pool.query(
      `UPDATE tutti.engine SET lease_until = now() - interval '1 second' WHERE state = 'alive'`,
    );

    const heir = await anEngine();
    const ended = heir.engine.whenEnded(run.id);
    const again = await heir.dispatcher.next('first');
    old.dispatcher.succeed(first.ref, { from: 'the old one' });
    for (const path of ['first', 'beside', 'after'])
      heir.dispatcher.succeed((await heir.dispatcher.next(path)).ref);

    assert.equal(await ended, 'succeeded');
    assert.equal(again.attempt, 2);
    assert.deepEqual(
      old.failures.map(({ code }) => code),
      ['ENGINE_FENCED'],
    );
    assert.equal(old.engine.trouble?.code, 'ENGINE_STOPPED');
    const { rows } = await pool.query(
      `SELECT count(*)::int AS ends FROM tutti.entry WHERE run_id = $1 AND kind = 'step.succeeded' AND step = 0`,
      [run.id],
    );
    assert.deepEqual(rows, [{ ends: 1 }]);
  });
});
