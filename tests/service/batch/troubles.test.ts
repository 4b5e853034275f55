import assert from 'node:assert/strict';
import { cel, defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import type { RunAsk } from '../../../core/engine/ask.ts';
import { History } from '../../../core/engine/history/history.ts';
import { readRecord } from '../../../core/service/batch/record.ts';
import { renderReport } from '../../../core/service/batch/report/page.ts';
import { summarise } from '../../../core/service/batch/summary.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
  recovery: [{ on: ['OUTPUT_INVALID'], ways: [{ strategy: 'abort' }] }],
}).playbook(async () => ({}));

const pair = defineWorkflow({
  name: 'lab.pair',
  deadline: 'PT1H',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent: worker, input: {} });
    task({ id: 'second', agent: worker, input: {}, after: [first] });
  },
});

/** Fails where no agent is: in an expression, and in the items of a list. */
const sums = defineWorkflow({
  name: 'lab.sums',
  input: z.object({ by: z.int() }),
  graph: ({ compute, foreach, input }) => {
    compute({ id: 'share', value: { part: cel<number>('100 / input.by') } });
    foreach({
      id: 'each',
      items: cel<{ id: string }[]>('[{"id": "a"}]'),
      key: (item) => item.id,
      each: (graph) =>
        graph.compute({ id: 'part', value: { part: cel<number>('100 / input.by'), of: input.by } }),
    });
  },
});

const config = {
  modules: [
    defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [pair, sums] }),
  ],
};
const actor = { kind: 'person', id: 'tester' } as const;

describe('what a run that did not go well says of itself', () => {
  const engines = new HandEngines(config);
  let hand: HandEngine;

  before(() => engines.prepare());
  beforeEach(async () => {
    hand = await engines.open();
    hand.dispatcher.answerCancels();
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const ask = (runId: string, target: Pick<RunAsk, 'step' | 'subtree'> = {}): Promise<void> =>
    hand.engine.ask({ tenantId: 1, runId, kind: 'cancel', ...target, actor });

  async function told(runId: string) {
    const record = await readRecord(new History(engines.database), {
      ...{ tenantId: 1, runId, group: 'Lab' },
    });
    const lines = summarise(record).flatMap((part) => (part.kind === 'rows' ? [] : [part.text]));
    return { lines, page: renderReport(record) };
  }

  it('names a node that no agent does, and why it failed', async () => {
    verifies('R8.criticality');
    const run = await hand.start('lab.sums', { by: 0 });
    assert.equal(await run.ended, 'failed');

    const { lines, page } = await told(run.id);

    assert.ok(lines.includes('Failed or degraded: 2'), lines.join('\n'));
    assert.ok(lines.some((line) => /^share: EXPRESSION_INVALID: /.test(line)));
    // The list has failed by its item, which is named.
    assert.ok(lines.some((line) => /^each\[a\]: EXPRESSION_INVALID: /.test(line)));
    assert.ok(!lines.some((line) => /^each: /.test(line)));
    assert.match(page, /2 steps failed\./);
    assert.match(page, /data-trouble="failed"><td class="what">share<.*>EXPRESSION_INVALID: /);
    assert.doesNotMatch(page, /every agent ended as it should/);
  });

  it('says which steps somebody has cancelled', async () => {
    verifies('R8.cancel');
    const alone = await hand.start('lab.pair');
    await hand.dispatcher.next('first');
    await ask(alone.id, { step: 'first' });
    assert.equal(await alone.ended, 'succeeded');
    const whole = await hand.start('lab.pair');
    await eventually(() => hand.dispatcher.jobs.length === 2);
    await ask(whole.id, { step: 'first', subtree: true });
    assert.equal(await whole.ended, 'succeeded');

    const [one, all] = await Promise.all([told(alone.id), told(whole.id)]);

    assert.ok(one.lines.includes('first: cancelled'), one.lines.join('\n'));
    assert.ok(all.lines.includes('first: cancelled with all that waited for it'));
    for (const [{ lines, page }, count, were] of [
      [one, '1 step', 'was'],
      [all, '2 steps', 'were'],
    ] as const) {
      assert.ok(!lines.some((line) => line.startsWith('It was cancelled')));
      assert.ok(lines[0]?.endsWith(`succeeded, ${count} cancelled`), lines[0]);
      assert.ok(page.includes(`${count} ${were} cancelled.`));
    }
  });

  it('says nothing of a cancel that came as the step ended by itself', async () => {
    hand.dispatcher.answerCancels(false);
    const run = await hand.start('lab.pair');
    const { ref } = await hand.dispatcher.next('first');
    await ask(run.id, { step: 'first' });
    await eventually(
      async () => (await engines.entriesOf(run.id, ['step.cancelling'])).length === 1,
    );
    hand.dispatcher.succeed(ref);
    hand.dispatcher.succeed((await hand.dispatcher.next('second')).ref);
    assert.equal(await run.ended, 'succeeded');

    const { lines } = await told(run.id);

    assert.ok(!lines.some((line) => line.includes('cancelled')), lines.join('\n'));
  });

  it('says whether somebody has cancelled it or its time was over', async () => {
    verifies('R8.cancel');
    const asked = await hand.start('lab.pair');
    await hand.dispatcher.next('first');
    await ask(asked.id);
    assert.equal(await asked.ended, 'cancelled');
    const late = await hand.start('lab.pair');
    await eventually(() => hand.dispatcher.jobs.length === 2);
    hand.clock.pass(3_700_000);
    assert.equal(await late.ended, 'cancelled');

    const [wished, timed] = await Promise.all([told(asked.id), told(late.id)]);

    assert.ok(wished.lines.includes('It was cancelled: somebody asked for it.'));
    assert.ok(timed.lines.includes('It was cancelled: its deadline had passed.'));
    assert.match(wished.page, /It was cancelled: somebody asked for it\./);
    assert.match(timed.page, /It was cancelled: its deadline had passed\./);
  });

  it('says which step has ended the whole run', async () => {
    const run = await hand.start('lab.pair');
    const { ref } = await hand.dispatcher.next('first');
    hand.dispatcher.fail(ref, { code: 'OUTPUT_INVALID', message: 'No form.' });
    assert.equal(await run.ended, 'failed');

    const { lines } = await told(run.id);

    assert.ok(lines.includes('first: ended the whole run (OUTPUT_INVALID)'), lines.join('\n'));
  });
});
