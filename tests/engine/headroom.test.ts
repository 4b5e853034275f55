import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import type { Job } from '../../core/ports/dispatcher.ts';
import { chooseProfiles } from '../../core/ports/models/profiles.ts';
import { requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const talker = defineAgent({
  name: 'talker',
  purpose: 'Talks.',
  instructions: 'Talk.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
});
const talk = defineWorkflow({
  name: 'lab.talk',
  graph: ({ task }) => void task({ id: 'talk', agent: talker, input: {} }),
});
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [talk] })],
  models,
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 } },
  modelLimits: { house: { concurrency: 2, headroom: 0.5 } },
};

describe('the head-room of a model', () => {
  const engines = new HandEngines(config, chooseProfiles(models, {}));
  let lab: HandEngine;

  before(async () => {
    await engines.prepare();
    lab = await engines.open();
  });
  after(async function () {
    await engines.stop();
    return engines.drop(this);
  });

  const start = async (attended: boolean): Promise<string> =>
    (await lab.engine.startRun({ ...requestOf('lab.talk', { tenantId: 1 }), attended })).id;
  const next = (count: number): Promise<Job> => lab.dispatcher.next('talk', count);
  const blockersOf = async (runId: string) => {
    const { steps } = await lab.engine.explain({ tenantId: 1, runId });
    return steps.flatMap(({ blockers }) => blockers);
  };
  const turned = ({ ref }: Job): void => {
    const usage = { input: 1, cachedInput: 0, cacheWrite: 0, output: 1, reasoning: 0 };
    const done = { turn: 1, model: 'house', stop: 'tools', durationMs: 1, usage, sent: true };
    lab.dispatcher.say({ kind: 'turn', ref, done: done as never });
  };

  it('lets those go on whom somebody waits for, before a night’s starts and conversations', async () => {
    verifies('R6.headroom');
    const night = await start(false);
    const first = await next(1);
    const later = await start(false);
    await eventually(async () => (await engines.stepsOf(later)).talk === 'ready');
    const asked = await start(true);

    const second = await next(2);
    assert.deepEqual([first.runId, second.runId], [night, asked]);
    const [blocker] = await blockersOf(later);
    assert.equal(blocker?.kind, 'headroom');
    assert.match(
      blocker?.text ?? '',
      /'model:house' leaves the rest of its limits to runs that somebody waits for/,
    );

    // The night's first conversation gives its call to the start behind it, and asks for the next one.
    turned(second);
    lab.dispatcher.succeed(second.ref);
    turned(first);
    assert.equal((await next(3)).runId, later);
    lab.dispatcher.say({ kind: 'permit', ref: first.ref, bytes: 100 });
    await eventually(async () => (await blockersOf(night)).some(({ kind }) => kind === 'headroom'));
    const another = await start(true);

    assert.equal((await next(4)).runId, another);
    assert.ok(
      !lab.dispatcher.told.some(({ kind, ref }) => kind === 'granted' && ref === first.ref),
    );
    turned(await next(4));
    turned(await next(3));
    await eventually(() =>
      lab.dispatcher.told.some(({ kind, ref }) => kind === 'granted' && ref === first.ref),
    );
  });
});
