import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import type { Explanation } from '../../../core/engine/explain/explanation.ts';
import type { JobWait } from '../../../core/ports/job-wait.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const agent = defineAgent({
  name: 'far',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));
const chain = defineWorkflow({
  name: 'far.chain',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent, input: {} });
    task({ id: 'second', agent, input: {}, after: [first] });
    task({ id: 'beside', agent, input: {} });
    task({ id: 'third', agent, input: {} });
  },
});
const far = defineModule({ name: 'far', version: '1.0.0', agents: [agent], workflows: [chain] });

describe('explain, of a step that waits for another machine,', () => {
  const engines = new HandEngines({ modules: [far], limits: { running: 2 } });
  let hand: HandEngine;
  let runId: string;
  let ref: number;

  before(() => engines.prepare());
  beforeEach(async () => {
    hand = await engines.open();
    ({ id: runId } = await hand.start('far.chain'));
    ({ ref } = await hand.dispatcher.next('first'));
    await hand.dispatcher.next('beside');
    hand.dispatcher.awaiting.set(ref, { kind: 'machine', pool: 'edge' });
  });
  afterEach(async () => {
    await engines.stop();
    // What a test leaves is nothing to the next one's engine.
    await engines.pool.query(
      `UPDATE tutti.run SET status = 'cancelled', ended_at = now(), owner = NULL WHERE ended_at IS NULL`,
    );
  });
  after(function () {
    return engines.drop(this);
  });

  const explain = (step?: string): Promise<Explanation> =>
    hand.engine.explain({ tenantId: 1, runId, step });
  const times = ({ steps }: Explanation) =>
    Object.fromEntries(steps.map(({ path, startAt }) => [path, startAt !== null]));

  it('names the pool, and since when it waits', async () => {
    verifies('R2.explain', 'R13.remote');
    const since = new Date(hand.clock.now()).toISOString();
    hand.clock.pass(5_000);

    const { steps, source } = await explain();

    const [first] = steps;
    assert.deepEqual(
      [source, first?.path, first?.status, first?.agent, first?.isFollowUp],
      ['owner', 'first', 'running', 'far.far', false],
    );
    const text = `It has waited for a machine of the pool 'edge' since ${since}: tutti worker --pool edge.`;
    assert.deepEqual(first?.blockers, [
      { kind: 'machine', pool: 'edge', since, untilMs: null, text },
    ]);
    assert.deepEqual(
      steps.map(({ path }) => path),
      ['first', 'second', 'third'],
    );
  });

  it('names the process of its module, or the lane of suspects, where it waits for that', async () => {
    verifies('R2.explain', 'R13.isolation');
    const since = new Date(hand.clock.now()).toISOString();
    const waits: readonly (readonly [JobWait, RegExp])[] = [
      [{ kind: 'process', module: 'far' }, /^It has waited for the process of the module 'far'/],
      [{ kind: 'quarantine' }, /^It is suspected/],
    ];
    for (const [wait, words] of waits) {
      hand.dispatcher.awaiting.set(ref, wait);
      const { at, steps } = await explain('first');
      const [{ text, ...blocker } = { text: '' }] = steps[0]?.blockers ?? [];
      assert.deepEqual(blocker, { ...wait, since, untilMs: null, ifLifted: at });
      assert.match(text, words);
    }
  });

  it('says that it starts at once when a machine takes it, and that nobody knows when that is', async () => {
    verifies('R2.explain', 'R13.remote');
    const { at, endAt, steps } = await explain('first');

    assert.deepEqual(
      steps.map(({ blockers, startAt, endAt: end }) => [blockers[0]?.ifLifted, startAt, end]),
      [[at, null, null]],
    );
    assert.equal(endAt, null);
  });

  it('expects what comes after it no sooner, and of what needs a slot that it takes none but the others', async () => {
    verifies('R2.explain');
    assert.deepEqual(times(await explain()), { first: false, second: false, third: true });

    hand.dispatcher.awaiting.clear();

    const all = await explain();
    assert.deepEqual(times(all), { second: true, third: true });
    assert.notEqual(all.endAt, null);
    assert.deepEqual((await explain('first')).steps, []);
  });
});
