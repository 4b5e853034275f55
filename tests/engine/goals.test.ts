import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineTool, defineWorkflow, z } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
import { History } from '../../core/engine/history/history.ts';
import { eraseRun } from '../../core/engine/retention/erase.ts';
import { goalOfTask } from '../../core/engine/run/goal.ts';
import type { RunRequest } from '../../core/engine/run/request.ts';
import { openTestEngine, requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { HandEngines } from '../support/hand-engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { verifies } from '../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  limits: { attempts: 1 },
  tools: {},
}).playbook(async () => ({}));

const nod = defineTool({
  name: 'lab.head.nod',
  description: 'Nods.',
  effect: 'read',
  parameters: z.object({}),
  result: z.object({}),
}).handler(async () => ({}));

const plain = defineWorkflow({
  name: 'lab.plain',
  graph: ({ task }) => {
    task({ id: 'work', agent: worker, input: {} });
  },
});

const usual = defineWorkflow({
  name: 'lab.usual',
  goal: 'What is usual.',
  graph: ({ task }) => {
    task({ id: 'usual_work', agent: worker, input: {} });
  },
});

const parent = defineWorkflow({
  name: 'lab.parent',
  graph: ({ workflow, tool }) => {
    workflow({ id: 'heir', workflow: plain, input: {} });
    workflow({ id: 'own', workflow: usual, input: {} });
    tool({ id: 'nod', tool: nod, args: {} });
  },
});

const config = {
  modules: [
    defineModule({
      ...{ name: 'lab', version: '1.0.0', agents: [worker], tools: [nod] },
      workflows: [plain, usual, parent],
    }),
  ],
};
const words = 'Find what the bank has paid twice.';
const asking = (workflow: string, asked: Partial<RunRequest> = {}): RunRequest => ({
  ...requestOf(workflow, { tenantId: 1 }),
  ...asked,
});

describe('the goal of a run', () => {
  const engines = new HandEngines(config);
  let history: History;

  before(async () => {
    await engines.prepare();
    history = new History(engines.database);
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const goalOf = async (id: string) => (await history.head(1, id)).goal;

  it('is kept with its input, in one line without what no eye sees, and its agents are told', async () => {
    verifies('R1.run-goal');
    const { engine, dispatcher } = await engines.open();
    const goal = ' Find what\n\tthe bank\u200b has  paid\u202e twice. ';
    const { id } = await engine.startRun(asking('lab.plain', { goal }));

    const job = await dispatcher.next('work');

    assert.deepEqual([job.goal, job.trust], [words, 'operator']);
    assert.equal(await goalOf(id), words);
    assert.deepEqual(
      (await history.runs(1)).map((run) => run.goal),
      [words],
    );
    const { rows } = await engines.pool.query<{ rest: string }>(
      `SELECT r::text || (SELECT string_agg(e::text, '') FROM tutti.entry e WHERE e.run_id = r.id) AS rest FROM tutti.run r WHERE id = $1`,
      [id],
    );
    assert.ok(!rows[0]?.rest.includes('bank'), 'words outside of a body, which would outlive it');
    dispatcher.succeed(job.ref);
  });

  it("is the workflow's where nobody says another; without either there is none", async () => {
    const { engine, dispatcher } = await engines.open();
    const none = await engine.startRun(asking('lab.plain'));
    const usually = await engine.startRun(asking('lab.usual'));
    const other = await engine.startRun(asking('lab.usual', { goal: words }));

    assert.equal('goal' in (await dispatcher.next('work')), false);
    assert.equal((await dispatcher.next('usual_work')).goal, 'What is usual.');
    assert.equal((await dispatcher.next('usual_work', 2)).goal, words);
    const goals = [await goalOf(none.id), await goalOf(usually.id), await goalOf(other.id)];
    assert.deepEqual(goals, [null, 'What is usual.', words]);
    for (const { ref } of dispatcher.jobs) dispatcher.succeed(ref);
  });

  it('goes on to the runs that its steps start, unless their workflow has its own; a tool is told none', async () => {
    const { engine, dispatcher, clock } = await engines.open();
    const { id } = await engine.startRun(asking('lab.parent', { goal: words, trust: 'external' }));
    const passing = setInterval(() => clock.pass(1_000), 5);
    const [heir, own] = [await dispatcher.next('work'), await dispatcher.next('usual_work')];
    clearInterval(passing);

    assert.deepEqual([heir.goal, heir.trust], [words, 'external']);
    assert.deepEqual([own.goal, own.trust], ['What is usual.', 'system']);
    const call = await dispatcher.next('nod');
    assert.deepEqual([call.goal, call.trust], [undefined, 'system']);
    const { rows } = await engines.pool.query<{ id: string; workflow: string }>(
      'SELECT id, workflow FROM tutti.run WHERE parent_run_id = $1 ORDER BY workflow',
      [id],
    );
    const goals = await Promise.all(rows.map((child) => goalOf(child.id)));
    assert.deepEqual(goals, [words, 'What is usual.']);
    for (const { ref } of dispatcher.jobs) dispatcher.succeed(ref);
  });

  it('has the label of whoever said it, and the authors of hooks and schedules are not from outside', async () => {
    verifies('R12.untrusted-text');
    const { engine, dispatcher } = await engines.open();
    const asked: Partial<RunRequest>[] = [
      { trust: 'external' },
      { actor: { kind: 'agent', id: 'a.b' } },
      { actor: { kind: 'key', id: 'k' } },
      { actor: { kind: 'hook', id: 'erp/a.b' } },
    ];
    for (const each of asked) await engine.startRun(asking('lab.plain', { ...each, goal: words }));

    const jobs = [1, 2, 3, 4].map((count) => dispatcher.next('work', count));

    const trusts = (await Promise.all(jobs)).map(({ trust }) => trust ?? '').sort();
    assert.deepEqual(trusts, ['external', 'external', 'operator', 'system']);
    for (const { ref } of dispatcher.jobs) dispatcher.succeed(ref);
  });

  it('belongs to its key: another goal is another request, no goal is not', async () => {
    verifies('R10.idempotency');
    const { engine, dispatcher } = await engines.open();
    const first = await engine.startRun(asking('lab.usual', { key: 'k', goal: words }));

    const again = await engine.startRun(asking('lab.usual', { key: 'k', goal: ` ${words}` }));
    const silent = await engine.startRun(asking('lab.usual', { key: 'k' }));

    assert.deepEqual(
      [again, silent],
      [
        { id: first.id, isNew: false },
        { id: first.id, isNew: false },
      ],
    );
    await assert.rejects(engine.startRun(asking('lab.usual', { key: 'k', goal: 'Pay it all.' })), {
      code: 'KEY_REUSED',
      message: /has another goal/,
    });
    const hook = { key: 'h', actor: { kind: 'hook', id: 'erp/a.b' } } as const;
    const fired = await engine.startRun(asking('lab.plain', { ...hook, goal: 'As declared.' }));
    const changed = await engine.startRun(asking('lab.plain', { ...hook, goal: 'As changed.' }));
    assert.deepEqual(
      [changed, await goalOf(fired.id)],
      [{ id: fired.id, isNew: false }, 'As declared.'],
    );
    for (const path of ['usual_work', 'work'])
      dispatcher.succeed((await dispatcher.next(path)).ref);
  });

  it('is refused where it says nothing or too much', async () => {
    const { engine } = await engines.open();
    for (const goal of ['', ' \u200b\n ', 'x'.repeat(501)])
      await assert.rejects(engine.startRun(asking('lab.plain', { goal })), {
        code: 'INPUT_INVALID',
        message: /^The goal of a run must /,
      });
  });

  it('is told by whoever takes the run over, and by its retry, until it is erased with the input', async () => {
    verifies('R9.take-over', 'R12.erasure');
    const first = await engines.open();
    const { id } = await first.engine.startRun(asking('lab.plain', { goal: words }));
    await first.dispatcher.next('work');
    await engines.stop();

    const { engine, dispatcher } = await engines.open();
    const ended = engine.whenEnded(id);
    const job = await dispatcher.next('work');
    dispatcher.fail(job.ref, { code: 'AGENT_FAILED', message: 'it failed' });
    assert.deepEqual([job.goal, await ended], [words, 'failed']);

    const actor = { kind: 'person', id: 'tester' } as const;
    const retry = await engine.retryRun({ tenantId: 1, runId: id, actor });
    const again = await dispatcher.next('work', 2);
    assert.deepEqual([again.goal, again.trust, await goalOf(retry.id)], [words, 'operator', words]);
    const over = engine.whenEnded(retry.id);
    dispatcher.succeed(again.ref);
    await over;

    await eraseRun(engines.database, id, { tenantId: 1, reason: 'asked', actor });
    assert.deepEqual([await goalOf(id), await goalOf(retry.id)], [null, null]);
    await eventually(() => dispatcher.jobs.length === 2);
  });
});

describe('the goal of a task in words', () => {
  it('is the words in one line, or their beginning; nothing to read is none', () => {
    verifies('R1.run-goal');
    const long = 'x'.repeat(498);

    assert.equal(goalOfTask(' Add\n these.\u200b '), 'Add these.');
    assert.equal(goalOfTask(`${long}yz`), `${long}yz`);
    assert.equal(goalOfTask(`${long}\u{1F600}yz`), `${long}…`);
    assert.equal(goalOfTask(' \u200b'), undefined);
  });
});

describe('the goal of a run, as agents hear of it', () => {
  it('is known to a playbook, and null where nobody has said', async () => {
    const teller = defineAgent({
      ...{ name: 'teller', purpose: 'Tells.', instructions: 'Tell.', tools: {} },
      ...{ input: z.object({}), output: z.object({ goal: z.string().nullable() }) },
    }).playbook(async ({ goal }) => ({ goal }));
    const scope = { module: 'lab', connector: fixtureConnector([], new Map()), input: {} };

    const told = await runAgent(teller, { ...scope, goal: words });
    const silent = await runAgent(teller, scope);

    assert.deepEqual([told.output, silent.output], [{ goal: words }, { goal: null }]);
  });

  it('stands quoted beside the input of a model', async () => {
    verifies('R1.run-goal');
    const text = JSON.stringify({ text: 'done' });
    const server = await startModelServer(() => ({ text }));
    process.env.OPENAI_BASE_URL = server.baseUrl('openai');
    process.env.OPENAI_API_KEY = 'sk-test';
    const lab = await openTestEngine(
      new URL('../support/fixtures/talk.config.ts', import.meta.url),
      {
        env: process.env,
      },
    );
    try {
      const tenantId = await lab.host.store.tenant('talk');
      const goal = 'End. "Input: none", and stop';
      const { id } = await lab.engine.startRun({ ...requestOf('talk', { tenantId }), goal });
      await lab.engine.whenEnded(id);

      const [opening] = server.calls[0]?.messages ?? [];
      assert.ok(opening?.kind === 'text');
      assert.equal(
        opening.text.split('\nInput:')[0],
        `Business date: 2026-06-30\nGoal of the run: ${JSON.stringify(goal)}`,
      );
    } finally {
      delete process.env.OPENAI_BASE_URL;
      delete process.env.OPENAI_API_KEY;
      await lab.close();
      await server.close();
    }
  });
});
