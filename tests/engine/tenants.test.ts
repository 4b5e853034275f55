import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { chooseProfiles } from '../../core/ports/models/profiles.ts';
import { requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { HandEngines } from '../support/hand-engine.ts';

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
  input: z.object({}),
  graph: ({ task }) => void task({ id: 'talk', agent: talker, input: {} }),
});
const models = { standard: { provider: 'house', model: 'house' } };
const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [talker], workflows: [talk] })],
  models,
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 } },
  tenantLimit: { requestsPerMinute: 1 },
};

describe('a tenant that has used its own limit', () => {
  const engines = new HandEngines(config, chooseProfiles(models, {}));
  before(() => engines.prepare());
  after(async function () {
    await engines.stop();
    return engines.drop(this);
  });

  it('keeps no other tenant from the model', async () => {
    const { engine, dispatcher, start } = await engines.open();
    await start('lab.talk', {});
    const { ref } = await dispatcher.next('talk');
    const usage = { input: 1, cachedInput: 0, cacheWrite: 0, output: 1, reasoning: 0 };
    const done = {
      turn: 1,
      model: 'house',
      stop: 'tools',
      durationMs: 1,
      usage,
      sent: true,
    } as const;
    dispatcher.say({ kind: 'turn', ref, done: done as never });
    dispatcher.say({ kind: 'permit', ref, bytes: 100 });

    await engine.startRun(requestOf('lab.talk', { tenantId: 2, input: {} }));

    await eventually(() => dispatcher.jobs.length === 2);
    assert.equal(dispatcher.jobs[1]?.tenantId, 2);
  });
});
