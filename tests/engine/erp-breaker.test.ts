import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineTool, defineWorkflow, z } from 'tutti';
import { eventually } from '../support/eventually.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const look = defineTool({
  name: 'lab.thing.look',
  description: 'Looks.',
  parameters: z.object({}),
  result: z.object({}),
  effect: 'read',
}).handler(async () => ({}));

const worker = defineAgent({
  name: 'worker',
  purpose: 'Looks at things.',
  instructions: 'Look.',
  input: z.object({}),
  output: z.object({}),
  limits: { attempts: 1 },
  tools: { look },
}).playbook(async () => ({}));

const thinker = defineAgent({
  name: 'thinker',
  purpose: 'Looks at nothing.',
  instructions: 'Think.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const many = defineWorkflow({
  name: 'lab.many',
  input: z.object({ items: z.array(z.object({ id: z.string() })) }),
  graph: ({ foreach, task, input }) => {
    const items = foreach({
      id: 'items',
      items: input.items,
      key: (item) => item.id,
      concurrency: 1,
      onItemFailure: 'continue',
      each: ({ task }) => task({ id: 'items', agent: worker, input: {} }),
    });
    const first = task({ id: 'think', agent: thinker, input: {} });
    task({ id: 'after', agent: thinker, input: {}, after: [first] });
    task({ id: 'last', agent: thinker, input: {}, after: [items], join: 'all_done' });
  },
});

const config = {
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [worker, thinker],
      tools: [look],
      workflows: [many],
    }),
  ],
  breaker: { failures: 3, probeMs: 60_000, successes: 2 },
};
const away = { code: 'ERP_UNAVAILABLE', message: 'the ERP does not answer' } as const;

describe('an ERP that does not answer', () => {
  const engines = new HandEngines(config);
  let hand: HandEngine;

  before(async () => {
    await engines.prepare();
    hand = await engines.open();
  });
  after(async function () {
    await engines.stop();
    await engines.drop(this);
  });

  /** A step that looks at the ERP and ends as the ERP does. */
  async function lookAt(item: string, isWell: boolean): Promise<void> {
    const { ref } = await hand.dispatcher.next(`items[${item}]`);
    const data = { tool: look.name, effect: 'read', rule: 'access', records: isWell ? 1 : 0 };
    const code = isWell ? {} : { code: away.code };
    hand.dispatcher.say({
      kind: 'entry',
      ref,
      entry: { kind: 'tool.called', data: { ...data, ...code } },
    });
    if (isWell) hand.dispatcher.succeed(ref);
    else hand.dispatcher.fail(ref, away);
  }

  it('is left alone by what needs it, probed after a while, and used again when it is well', async () => {
    verifies('R8.breaker', 'R9.offline');
    const items = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id }));
    const run = await hand.start('lab.many', { items });
    for (const item of ['a', 'b', 'c']) await lookAt(item, false);
    await eventually(async () => (await engines.stepsOf(run.id))['items[d]'] === 'ready');

    // What does not need it goes on.
    for (const path of ['think', 'after'])
      hand.dispatcher.succeed((await hand.dispatcher.next(path)).ref);
    hand.clock.pass(50_000);
    assert.ok(!hand.dispatcher.jobs.some(({ stepPath }) => stepPath === 'items[d]'));

    hand.clock.pass(11_000);
    for (const item of ['d', 'e', 'f']) {
      hand.clock.pass(1_100);
      await lookAt(item, true);
    }
    hand.dispatcher.succeed((await hand.dispatcher.next('last')).ref);

    assert.equal(await run.ended, 'partial');
    const moves = await engines.entriesOf(run.id, ['breaker.moved']);
    assert.deepEqual(
      moves.map(({ data }) => data.state),
      ['open', 'half_open', 'closed'],
    );
  });
});
