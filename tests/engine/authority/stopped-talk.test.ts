import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { StopStore } from '../../../core/engine/authority/stop-store.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const talker = defineAgent({
  name: 'talker',
  purpose: 'Talks.',
  instructions: 'Talk.',
  input: z.object({}),
  output: z.object({}),
  limits: { costMicroUsd: 1_000_000, attempts: 1 },
  tools: {},
}).playbook(async () => ({}));
const other = defineAgent({ ...talker, name: 'other' }).playbook(async () => ({}));

const talk = defineWorkflow({
  name: 'lab.talk',
  graph: ({ task }) => {
    task({ id: 'talk', agent: talker, input: {} });
  },
});
const canary = defineWorkflow({
  name: 'lab.canary',
  graph: ({ task }) => {
    task({ id: 'canary', agent: talker, input: {} });
  },
});
const both = defineWorkflow({
  name: 'lab.both',
  graph: ({ task }) => {
    task({ id: 'talk', agent: talker, input: {}, priority: 10 });
    task({ id: 'other', agent: other, input: {} });
  },
});

const model = { targets: [{ provider: 'scripted', model: 'none' }], choose: 'order' } as const;
const config = {
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [talker, other],
      workflows: [talk, canary, both],
    }),
  ],
  prices: { none: { input: 1, cachedInput: 1, cacheWrite: 1, output: 1 } },
};
const ask = {
  tenantId: 1,
  reach: 'agent:lab.talker',
  actor: { kind: 'person', id: 'tester' },
} as const;

describe('a stopped agent', () => {
  const engines = new HandEngines(config, { fast: model, standard: model, deep: model });
  let hand: HandEngine;
  let stops: StopStore;

  before(async () => {
    await engines.prepare();
    stops = new StopStore(engines.pool, loadRegistry(config, []));
  });
  beforeEach(async () => {
    hand = await engines.open();
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** Until the engine knows of the stop: it holds a run that begins. */
  async function isHeeded(): Promise<void> {
    for (;;) {
      const canary = await hand.start('lab.canary');
      const isStarted = () => hand.dispatcher.jobs.find(({ runId }) => runId === canary.id);
      await eventually(
        async () => isStarted() !== undefined || (await blocker(canary.id)) === 'stop',
      );
      const job = isStarted();
      if (!job) return;
      hand.dispatcher.succeed(job.ref);
      await canary.ended;
    }
  }

  const pathsOf = () =>
    hand.dispatcher.jobs.map(({ stepPath }) => stepPath).filter((path) => path !== 'canary');

  /** The first thing in the way of a run's first step, once the engine has looked. */
  async function blocker(runId: string): Promise<string | undefined> {
    hand.clock.pass(300);
    const { steps } = await hand.engine.explain({ tenantId: 1, runId });
    return steps[0]?.blockers[0]?.kind;
  }

  it('gets no further model call until the stop is lifted', async () => {
    verifies('R12.kill-switch');
    const run = await hand.start('lab.talk');
    const job = await hand.dispatcher.next('talk');
    const usage = { input: 10, cachedInput: 0, cacheWrite: 0, output: 5, reasoning: 0 };
    const done = { turn: 1, model: 'none', stop: 'tools', sent: true, durationMs: 1 } as const;
    hand.dispatcher.say({ kind: 'turn', ref: job.ref, done: { ...done, usage, body: '[]' } });
    await stops.stop(ask);
    await isHeeded();
    hand.dispatcher.say({ kind: 'permit', ref: job.ref, bytes: 100 });
    await eventually(async () => (await blocker(run.id)) === 'stop');

    const told = hand.dispatcher.told.filter(({ ref }) => ref === job.ref).length;
    hand.clock.pass(10_000);
    assert.equal(hand.dispatcher.told.filter(({ ref }) => ref === job.ref).length, told);
    await stops.lift(ask);
    await eventually(() => {
      hand.clock.pass(300);
      return hand.dispatcher.told.some(({ ref, kind }) => ref === job.ref && kind === 'granted');
    });

    hand.dispatcher.succeed(job.ref);
    assert.equal(await run.ended, 'succeeded');
  });

  it('stands in nobody’s way', async () => {
    await stops.stop(ask);
    await isHeeded();
    const run = await hand.start('lab.both');

    const job = await hand.dispatcher.next('other');
    assert.deepEqual(pathsOf(), ['other']);
    hand.dispatcher.succeed(job.ref);
    await stops.lift(ask);
    await eventually(() => {
      hand.clock.pass(300);
      return pathsOf().length === 2;
    });
    hand.dispatcher.succeed((await hand.dispatcher.next('talk')).ref);
    assert.equal(await run.ended, 'succeeded');
  });

  it('is left to itself when its run is cancelled', async () => {
    await stops.stop(ask);
    await isHeeded();
    const run = await hand.start('lab.talk');
    await eventually(async () => (await blocker(run.id)) === 'stop');
    const { actor } = ask;

    await hand.engine.ask({ tenantId: 1, runId: run.id, kind: 'cancel', actor });

    assert.equal(await run.ended, 'cancelled');
    await stops.lift(ask);
    hand.clock.pass(10_000);
    assert.deepEqual(pathsOf(), []);
  });
});
