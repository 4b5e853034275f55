import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { chooseProfiles } from '../../../core/ports/models/profiles.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const form = { input: z.object({}), output: z.object({}), tools: {} };
const helper = defineAgent({
  name: 'helper',
  purpose: 'Helps out.',
  instructions: 'Help.',
  ...form,
}).playbook(async () => ({}));
const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  recovery: [{ ways: [{ strategy: 'reassign', to: 'aid.helper' }] }],
  ...form,
}).playbook(async () => ({}));
const line = defineWorkflow({
  name: 'lab.line',
  graph: ({ task }) => {
    const one = task({ id: 'one', agent: worker, input: {} });
    task({ id: 'two', agent: worker, input: {}, after: [one] });
  },
});
const plain = defineAgent({
  name: 'plain',
  purpose: 'Works, and nobody takes over from it.',
  instructions: 'Work.',
  ...form,
}).playbook(async () => ({}));
const simple = defineWorkflow({
  name: 'lab.simple',
  graph: ({ task }) => void task({ id: 'alone', agent: plain, input: {} }),
});
const stranger = defineAgent({
  name: 'stranger',
  purpose: 'Is asked by a setting alone.',
  instructions: 'Help.',
  ...form,
}).playbook(async () => ({}));
const version = '1.0.0';
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const modules = [
  defineModule({ name: 'lab', version, agents: [worker, plain], workflows: [line, simple] }),
  defineModule({ name: 'aid', version, agents: [helper] }),
  defineModule({ name: 'far', version, agents: [stranger] }),
];

describe('a step that an agent of another module takes over', function () {
  this.timeout(120_000);
  const engines = new HandEngines({ modules, limits: { perModule: 1 } });
  // A call of at most 100 tokens reserves 1,000.
  const poor = new HandEngines(
    {
      ...{ modules, models, budgets: { moduleDailyMicroUsd: { aid: 500, far: 500 } } },
      prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } },
    },
    chooseProfiles(models, {}),
  );

  before(async () => {
    for (const each of [engines, poor]) await each.prepare();
  });
  after(async function () {
    for (const each of [engines, poor]) {
      await each.stop();
      await each.drop(this);
    }
  });

  it('gives back the slot of the module that it began in', async () => {
    verifies('R8.reassign', 'R2.concurrency-limits');
    const { dispatcher, clock, start } = await engines.open();
    const { ended } = await start('lab.line');
    const first = await dispatcher.next('one');
    dispatcher.fail(first.ref, { code: 'TOOL_FAILED', message: 'It broke.' } as never);
    clock.pass(1);
    const taken = await dispatcher.next('one', 2);
    assert.deepEqual([first.agent, taken.agent], ['lab.worker', 'aid.helper']);
    dispatcher.succeed(taken.ref);

    const next = await dispatcher.next('two');

    assert.equal(next.agent, 'lab.worker');
    dispatcher.succeed(next.ref);
    assert.equal(await ended, 'succeeded');
  });

  it('is paid by the module that takes it over, which may have no money for it', async () => {
    verifies('R8.reassign', 'R7.budget');
    const { dispatcher, clock, start } = await poor.open();
    await start('lab.line');
    const first = await dispatcher.next('one');
    dispatcher.fail(first.ref, { code: 'TOOL_FAILED', message: 'It broke.' } as never);
    clock.pass(1);

    const taken = await dispatcher.next('one', 2);

    assert.deepEqual([first.mode, taken.mode], ['model', 'playbook']);
  });

  it('is paid by that module also where a setting says so since its run has begun', async () => {
    verifies('R8.strategy-change', 'R7.budget');
    const { dispatcher, clock, start } = await poor.open();
    await start('lab.simple');
    const first = await dispatcher.next('alone');
    const store = new SettingStore(poor.database, {
      registry: loadRegistry({ modules }, []),
      config: {},
    });
    await store.put(1, 'recovery:lab.plain', {
      value: [{ ways: [{ strategy: 'reassign', to: 'far.stranger' }] }],
      actor: { kind: 'person', id: 'tester' },
    });
    // Its purse is there before anybody pays from it.
    await eventually(async () => {
      clock.pass(1_000);
      const { rows } = await poor.pool.query(`SELECT FROM tutti.budget WHERE scope = 'module:far'`);
      return rows.length > 0;
    });
    dispatcher.fail(first.ref, { code: 'TOOL_FAILED', message: 'It broke.' } as never);
    clock.pass(1);

    const taken = await dispatcher.next('alone', 2);

    assert.deepEqual([first.mode, taken.agent, taken.mode], ['model', 'far.stranger', 'playbook']);
  });
});
