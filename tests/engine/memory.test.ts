import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { eventually } from '../support/eventually.ts';
import { task } from '../support/fixtures/graphs.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';
import { Stage } from './explain/stage.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({ text: z.string() }),
  tools: {},
}).playbook(async () => ({ text: '' }));
const three = defineWorkflow({
  name: 'yard.three',
  graph: ({ task }) => {
    for (const id of ['a', 'b', 'c']) task({ id, agent: worker, input: {} });
  },
});
const yard = defineModule({
  name: 'yard',
  version: '1.0.0',
  agents: [worker],
  workflows: [three],
});

/** What a step has to say; sixty runs would keep 11 MB of it. */
const said = 60_000;
const mostKept = 3_000_000;
const mostPerStep = 4_000;

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('the memory of an engine', function () {
  this.timeout(180_000);
  const engines = new HandEngines({ modules: [yard] });

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  async function runs({ dispatcher, start }: HandEngine, count: number): Promise<void> {
    for (let each = 0; each < count; each += 1) {
      const run = await start('yard.three');
      await eventually(() => dispatcher.jobs.length === 3);
      for (const { ref } of dispatcher.jobs.splice(0))
        dispatcher.succeed(ref, { text: `${each} `.padEnd(said, 'x') });
      assert.equal(await run.ended, 'succeeded');
    }
  }

  it('keeps nothing of runs that have ended', async () => {
    verifies('R13.memory');
    const hand = await engines.open();
    await runs(hand, 20);

    const before = heap();
    await runs(hand, 60);

    const kept = heap() - before;
    assert.ok(kept < mostKept, `${kept} bytes of 60 runs`);
  });

  it('has some 1.5 kB for a step that waits, however many wait in its run', async () => {
    verifies('R13.memory');
    const kept: unknown[] = [stageOf(10)];
    for (const count of [500, 8_000]) {
      const before = heap();
      kept.push(stageOf(count));
      const each = (heap() - before) / count;
      assert.ok(each < mostPerStep, `${each} bytes a step of ${count}`);
    }
    assert.equal(kept.length, 3);
  });
});

function stageOf(count: number): Stage {
  return new Stage({
    nodes: Array.from({ length: count }, (_, index) => task(`t${index}`, { agent: 'm0.work' })),
    modules: ['m0'],
    limits: { running: 4, perRun: 4, perModule: 4 },
    modelLimit: {},
    scriptOf: () => ({ turns: [], bytes: 100 }),
  });
}
