import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineTool, defineWorkflow, z } from 'tutti';
import type { ErrorData } from '../../../core/base/errors.ts';
import type { ExplainedStep, Explanation } from '../../../core/engine/explain/explanation.ts';
import { Explanations } from '../../../core/engine/explain/explanations.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { ModelProfile } from '../../../core/sdk/agent.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const seen = defineTool({
  name: 'one.seen',
  description: 'Looks.',
  effect: 'read',
  parameters: z.object({}),
  result: z.object({}),
}).handler(async () => ({}));

const common = {
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
} as const;
/** A model is needed: nothing takes its place. */
const agentOf = (name: string, model: ModelProfile) =>
  defineAgent({ ...common, name, model, tools: {}, limits: { costMicroUsd: 1_000_000_000 } });

const byRequests = agentOf('by_requests', 'fast');
const byTokens = agentOf('by_tokens', 'standard');
const atOnce = agentOf('at_once', 'deep');
const looks = defineAgent({ ...common, name: 'looks', tools: { seen } }).playbook(async () => ({}));
const book = defineAgent({ ...common, name: 'book', tools: {} }).playbook(async () => ({}));
const other = defineAgent({ ...common, name: 'other', tools: {} }).playbook(async () => ({}));

const workflowOf = (
  name: string,
  agent: typeof book,
  {
    tasks = 2,
    ...more
  }: {
    readonly tasks?: number;
    readonly budgetMicroUsd?: number;
    readonly concurrency?: number;
  } = {},
) =>
  defineWorkflow({
    name,
    ...more,
    graph: ({ task }) => {
      for (let each = 1; each <= tasks; each += 1) task({ id: `t${each}`, agent, input: {} });
    },
  });
const chain = defineWorkflow({
  name: 'one.chain',
  graph: ({ task }) => {
    const first = task({ id: 'first', agent: book, input: {} });
    task({ id: 'second', agent: book, input: {}, after: [first] });
  },
});
const question = defineWorkflow({
  name: 'one.question',
  graph: ({ approval, task }) => {
    const may = approval({ id: 'may', title: 'May it?', by: ['anna'] });
    task({ id: 'then', agent: book, input: {}, after: [may] });
  },
});
const each = defineWorkflow({
  name: 'one.each',
  input: z.object({ items: z.array(z.object({ id: z.string() })) }),
  graph: ({ foreach, input }) =>
    void foreach({
      id: 'items',
      items: input.items,
      key: (item) => item.id,
      concurrency: 1,
      agent: book,
      input: () => ({}),
    }),
});

const one = defineModule({
  name: 'one',
  version: '1.0.0',
  tools: [seen],
  agents: [byRequests, byTokens, atOnce, looks, book],
  workflows: [
    chain,
    question,
    each,
    workflowOf('one.requests', byRequests as never),
    workflowOf('one.tokens', byTokens as never),
    workflowOf('one.calls', atOnce as never, { tasks: 3 }),
    workflowOf('one.poor', atOnce as never, { budgetMicroUsd: 2_500 }),
    workflowOf('one.looks', looks as never, { tasks: 7 }),
    workflowOf('one.narrow', book, { concurrency: 1 }),
    workflowOf('one.wide', book, { tasks: 5 }),
  ],
});
const two = defineModule({
  name: 'two',
  version: '1.0.0',
  agents: [other],
  workflows: [workflowOf('two.wide', other, { tasks: 5 })],
});

const price = {
  input: 1_000_000,
  cachedInput: 1_000_000,
  cacheWrite: 1_000_000,
  output: 1_000_000,
};
const config = {
  modules: [one, two],
  limits: { running: 7, perModule: 4 },
  breaker: { failures: 2 },
  prices: { fast: price, standard: price, deep: price },
  modelLimits: {
    fast: { requestsPerMinute: 1 },
    standard: { tokensPerMinute: 2_000 },
    deep: { concurrency: 1 },
  },
};
const chainOf = (model: string) => ({
  targets: [{ provider: 'hand', model, maxOutputTokens: 100 }],
  choose: 'order' as const,
});
const profiles = { fast: chainOf('fast'), standard: chainOf('standard'), deep: chainOf('deep') };
const actor = { kind: 'person', id: 'tester' } as const;

describe('explain', () => {
  const books = new HandEngines(config);
  const models = new HandEngines(config, profiles);
  let hand: HandEngine;

  before(() => Promise.all([books.prepare(), models.prepare()]));
  afterEach(async () => {
    await Promise.all([books.stop(), models.stop()]);
    // What a test leaves is nothing to the next one's engine.
    const end = `UPDATE tutti.run SET status = 'cancelled', ended_at = now(), owner = NULL WHERE ended_at IS NULL`;
    await Promise.all([books.pool.query(end), models.pool.query(end)]);
  });
  after(async function () {
    await books.drop(this);
    await models.drop(this);
  });

  const explain = (runId: string, step?: string): Promise<Explanation> =>
    hand.engine.explain({ tenantId: 1, runId, step });
  /** The kinds in the way of each waiting step, by path. */
  const kindsOf = async (runId: string): Promise<Readonly<Record<string, readonly string[]>>> => {
    const { steps } = await explain(runId);
    return Object.fromEntries(
      steps.map(({ path, blockers }) => [path, blockers.map(({ kind }) => kind)]),
    );
  };
  const stepOf = async (runId: string, path: string): Promise<ExplainedStep> =>
    (await explain(runId, path)).steps[0] as ExplainedStep;

  it('names the steps that must end first, and the foreach that has not opened an item', async () => {
    verifies('R2.explain');
    hand = await books.open();
    const waiting = await hand.start('one.chain');
    const items = await hand.start('one.each', { items: [{ id: 'a' }, { id: 'b' }] });
    await hand.dispatcher.next('first');
    await hand.dispatcher.next('items[a]');

    const second = await stepOf(waiting.id, 'second');
    assert.deepEqual(
      second.blockers.map(({ text }) => text),
      ["It waits for 'first' (running)."],
    );
    assert.equal(second.agent, 'one.book');
    assert.ok(second.startAt && second.endAt && second.startAt < second.endAt);
    assert.deepEqual(await kindsOf(items.id), { 'items[b]': ['items'] });
  });

  it('names the slot that is full: of the run, the module or the engine, and who goes before', async () => {
    hand = await books.open();
    const narrow = await hand.start('one.narrow');
    await hand.dispatcher.next('t1');
    assert.deepEqual(await kindsOf(narrow.id), { t2: ['run'] });
    const wide = await hand.start('one.wide');
    await hand.dispatcher.next('t3');
    const full = await kindsOf(wide.id);
    assert.deepEqual([full.t4, full.t5], [['module'], ['module', 'queue']]);

    const beside = await hand.start('two.wide');
    await eventually(() => hand.dispatcher.jobs.length === 7);
    const told = await explain(beside.id);
    assert.deepEqual(
      told.steps.map(({ blockers }) => blockers.map(({ text }) => text)),
      [
        ['The engine runs as many steps as it may.'],
        ['The engine runs as many steps as it may.', 'One step goes before it.'],
      ],
    );
    assert.ok(told.steps.every(({ startAt }) => startAt !== null));
  });

  it('says that a run is paused, that a step is tried again at a moment, and which effect a person must settle', async () => {
    hand = await books.open();
    const run = await hand.start('one.wide');
    const failed = await hand.dispatcher.next('t1');
    hand.dispatcher.fail(failed.ref, errorOf('AGENT_FAILED'));
    const reviewed = await hand.dispatcher.next('t2');
    hand.dispatcher.fail(reviewed.ref, { ...errorOf('EFFECT_IN_REVIEW'), details: { key: 'abc' } });
    await hand.dispatcher.next('t5');
    await eventually(async () => (await books.entriesOf(run.id, ['step.waiting'])).length > 0);

    const kinds = await kindsOf(run.id);
    assert.deepEqual([kinds.t1, kinds.t2], [['retry'], ['review']]);
    const [retry] = (await stepOf(run.id, 't1')).blockers;
    assert.ok(retry && (retry.untilMs ?? 0) > 0 && retry.ifLifted);
    const { blockers, startAt } = await stepOf(run.id, 't2');
    assert.deepEqual(
      [blockers[0]?.text, startAt],
      ['A person must say how the effect abc ended.', null],
    );

    await hand.engine.ask({ tenantId: 1, runId: run.id, kind: 'pause', actor });
    assert.deepEqual((await kindsOf(run.id)).t1, ['paused', 'retry']);
  });

  it('looks ahead for no run that waits for people alone', async () => {
    verifies('R2.explain');
    hand = await books.open();
    const asks = await hand.start('one.question');
    const works = await hand.start('two.wide');
    await hand.dispatcher.next('t4');
    await eventually(async () => (await books.stepsOf(asks.id)).may === 'waiting');

    assert.ok((await explain(works.id)).bottleneck, 'which is told of a run that moves');
    const { status, source, bottleneck, endAt, steps } = await explain(asks.id);
    assert.deepEqual([status, source, bottleneck, endAt], ['waiting', 'owner', null, null]);
    assert.deepEqual(
      steps.map(({ path, blockers, startAt }) => [path, blockers.map(({ kind }) => kind), startAt]),
      [
        ['may', ['approval'], null],
        ['then', ['dependency'], null],
      ],
    );
    const [{ blockers }] = (await explain(asks.id, 'then')).steps as [ExplainedStep];
    assert.equal(blockers.length, 1);
  });

  it('names the ERP that is left alone', async () => {
    hand = await books.open();
    const run = await hand.start('one.looks');
    const { ref } = await hand.dispatcher.next('t1');
    await hand.dispatcher.next('t4');
    for (let call = 0; call < 2; call += 1) {
      const data = { code: 'ERP_UNAVAILABLE' };
      hand.dispatcher.say({ kind: 'entry', ref, entry: { kind: 'tool.called', data } });
    }
    const job = await hand.dispatcher.next('t2');
    hand.dispatcher.succeed(job.ref);
    await eventually(async () => (await books.stepsOf(run.id)).t2 === 'succeeded');

    const { blockers } = await stepOf(run.id, 't5');
    assert.deepEqual(
      blockers.map((each) => [each.kind, 'scope' in each && each.scope]),
      [['breaker', 'erp']],
    );
    assert.ok(blockers[0]?.ifLifted);
  });

  it('names the limit of the model that is used up', async () => {
    hand = await models.open();
    for (const [workflow, expected] of [
      ['one.requests', { t2: ['model_requests'] }],
      ['one.tokens', { t2: ['model_tokens'] }],
      ['one.calls', { t2: ['model_concurrency'], t3: ['model_concurrency', 'queue'] }],
    ] as const) {
      const run = await hand.start(workflow);
      await eventually(() => hand.dispatcher.jobs.some(({ runId }) => runId === run.id));
      assert.deepEqual(await kindsOf(run.id), expected);
      const { steps } = await explain(run.id);
      assert.ok(
        steps.every(({ startAt, agent }) => startAt && agent),
        `${workflow} has no estimate`,
      );
    }
  });

  it('names the purse that others have reserved from', async () => {
    hand = await models.open();
    const run = await hand.start('one.poor');
    await hand.dispatcher.next('t1');

    const [budget] = (await stepOf(run.id, 't2')).blockers;
    assert.deepEqual(
      [budget?.kind, budget && 'scope' in budget && budget.scope],
      ['budget', `run:${run.id}`],
    );
  });

  it('names the model that is left alone, and when it is tried again', async () => {
    hand = await models.open();
    const run = await hand.start('one.calls');
    const error = errorOf('MODEL_UNAVAILABLE');
    for (const path of ['t1', 't2']) {
      const { ref } = await hand.dispatcher.next(path);
      const call = { model: 'deep', usage: null, stop: 'error', sent: true, durationMs: 1, error };
      hand.dispatcher.say({ kind: 'turn', ref, done: { turn: 1, ...call } });
    }

    const [breaker, ...others] = (await stepOf(run.id, 't3')).blockers;
    assert.deepEqual([breaker?.kind, others], ['breaker', []]);
    assert.ok(breaker && (breaker.untilMs ?? 0) > 50_000 && breaker.ifLifted);
  });

  it('is answered by the owner to whoever asks in another process, and by the rows where nobody owns the run', async () => {
    verifies('R2.explain');
    hand = await books.open();
    const run = await hand.start('one.chain');
    await hand.dispatcher.next('first');
    const { pool } = books;
    const clock = new FakeClock(Date.now());
    const elsewhere = new Explanations({
      database: books.database,
      pool,
      store: new Store(pool),
      inbox: new Inbox(pool),
      clock,
    });
    const ask = (step?: string) => elsewhere.explain({ tenantId: 1, runId: run.id, step });
    const some = () => elsewhere.explain({ tenantId: 1, runId: run.id, limit: 1 });
    const countOf = async (table: string) => (await pool.query(`SELECT FROM ${table}`)).rowCount;
    /** Whoever has asked looks for an answer again and again, until there is one or none is waited for any more. */
    const answered = async <T>(asking: Promise<T>): Promise<T> => {
      let isOver = false;
      void asking.finally(() => {
        isOver = true;
      });
      await eventually(() => {
        if (clock.nextAt !== null) clock.pass(100);
        return isOver;
      });
      return await asking;
    };

    const asked = ask('second');
    await eventually(async () => (await countOf('tutti.inbox')) === 1);
    hand.clock.pass(1_000);
    await eventually(async () => (await countOf('tutti.explanation')) === 1);
    const told = await answered(asked);
    assert.deepEqual([told.source, told.steps.map(({ path }) => path)], ['owner', ['second']]);
    assert.ok(told.steps[0]?.blockers[0]?.ifLifted);
    const left = await pool.query(
      'SELECT id::text FROM tutti.inbox UNION ALL SELECT id::text FROM tutti.explanation',
    );
    assert.equal(left.rowCount, 0);

    const silent = await answered(ask());
    assert.match(silent.note ?? '', /has not answered within 3 s/);
    assert.deepEqual(
      silent.steps[0]?.blockers.map(({ kind }) => kind),
      ['dependency'],
    );
    await hand.engine.stop();
    const orphan = await ask();
    assert.deepEqual(
      [
        orphan.source,
        orphan.steps.map(({ path, blockers }) => [path, blockers.map(({ kind }) => kind)]),
      ],
      [
        'rows',
        [
          ['first', ['owner']],
          ['second', ['dependency', 'owner']],
        ],
      ],
    );
    const { steps, more } = await some();
    assert.deepEqual([steps.map(({ path }) => path), more], [['first'], 1]);
    await assert.rejects(ask('nowhere'), { code: 'STEP_UNKNOWN' });
    await assert.rejects(elsewhere.explain({ tenantId: 2, runId: run.id }), {
      code: 'RUN_UNKNOWN',
    });
  });
});

function errorOf(code: ErrorData['code']): ErrorData {
  return { code, message: 'it happened', retryable: false } as ErrorData;
}
