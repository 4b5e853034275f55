import assert from 'node:assert/strict';
import { cel, defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Is done by hand.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

/** Whichever of two answers first, `slow` not having answered yet lets `early` go on; `other` breaks. */
const race = defineWorkflow({
  name: 'lab.race',
  graph: ({ task, gate }) => {
    // In the order in which a retry takes them over.
    const slow = task({ id: 'slow', agent: worker, input: {} });
    const quick = task({ id: 'quick', agent: worker, input: {} });
    const open = gate({
      ...{ id: 'open', after: [quick, slow], join: 'any' },
      when: cel<boolean>('!has(nodes.slow.output)'),
    });
    task({ id: 'early', agent: worker, input: {}, after: [open] });
    task({ id: 'other', agent: worker, input: {}, after: [slow] });
  },
});
const actor = { kind: 'person', id: 'tester' } as const;

describe('a retry of a run in which something hung on who came first', () => {
  const engines = new HandEngines({
    modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [race] })],
  });

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  it('keeps what was decided then, and what was done for it', async () => {
    verifies('R9.restart');
    const { engine, start, dispatcher } = await engines.open();
    const done = async (path: string) => dispatcher.succeed((await dispatcher.next(path)).ref);
    const run = await start('lab.race');
    for (const step of ['quick', 'early', 'slow']) await done(step);
    const error = { code: 'INPUT_INVALID', message: 'it is wrong' } as const;
    dispatcher.fail((await dispatcher.next('other')).ref, error);
    assert.equal(await run.ended, 'failed');

    const { id } = await engine.retryRun({ tenantId: 1, runId: run.id, actor });
    dispatcher.succeed((await dispatcher.next('other', 2)).ref);

    assert.equal(await engine.whenEnded(id), 'succeeded');
    const ends = new Set(Object.values(await engines.stepsOf(id)));
    assert.deepEqual([...ends], ['succeeded']);
    assert.equal(dispatcher.jobs.length, 5);
  });
});
