import assert from 'node:assert/strict';
import { tasksOf } from '../../../bin/parts/tasks-of.ts';
import type { TaskRequest, Tasks } from '../../../core/engine/tasks/tasks.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

describe('single tasks', function () {
  this.timeout(60_000);
  let tutti: TestEngine;
  let tenantId: number;
  let tasks: Tasks;

  before(async () => {
    tutti = await openTestEngine(
      new URL('../../support/fixtures/tasks.config.ts', import.meta.url),
    );
    tenantId = await tutti.host.store.tenant('ours');
    const { engine } = tutti;
    tasks = tasksOf(tutti.host, {
      startOwn: (own) => engine.startOwn(own),
      hasModels: () => false,
    });
  });
  after(function () {
    return tutti.close(this);
  });

  const request = (wanted: Partial<TaskRequest>): TaskRequest => ({
    ...{ tenantId, businessDate: '2026-06-30', timeZone: 'UTC' },
    ...{ actor: { kind: 'person', id: 'tester' } },
    ...wanted,
  });
  const start = async (wanted: Partial<TaskRequest>) => (await tasks.start(request(wanted))).id;
  const done = async (wanted: Partial<TaskRequest>) => {
    const id = await start(wanted);
    await tutti.engine.whenEnded(id);
    return await tasks.view(tenantId, id);
  };
  const cancel = async (runId: string) => {
    const actor = { kind: 'person', id: 'tester' } as const;
    await tutti.engine.ask({ tenantId, runId, kind: 'cancel', actor });
    await tutti.engine.whenEnded(runId);
  };

  it('are runs of one agent, which gets words or its whole input', async () => {
    verifies('R5.one-shot', 'R2.queue');
    const inWords = await done({ agent: 'desk.alpha', text: 'two words' });
    const whole = await done({ agent: 'desk.clerk', input: { number: 21 } });

    assert.equal(inWords.state, 'succeeded');
    const goals = [inWords, whole].map(({ id }) => tutti.history.head(tenantId, id));
    const asked = (await Promise.all(goals)).map(({ goal }) => goal);
    assert.deepEqual(asked, ['two words', null]);
    assert.deepEqual(inWords.output, { words: 2, first: 'two' });
    assert.deepEqual([inWords.agent, inWords.findings], ['desk.alpha', 1]);
    assert.deepEqual(whole.output, { number: 42 });
    assert.deepEqual(
      await tutti.history.findings(tenantId, { runId: inWords.id }).then((all) => all.length),
      1,
    );
  });

  it('stand before the work of a night', async () => {
    const id = await start({ agent: 'desk.alpha', text: 'hold', priority: 9 });
    const run = tutti.host.database
      .kysely('tutti_engine')
      .selectFrom('run')
      .select(['pins', 'priority']);
    const { pins, priority } = await run.where('id', '=', id).executeTakeFirstOrThrow();

    assert.equal((pins as { readonly attended: boolean }).attended, true);
    assert.equal(priority, 9);
    await cancel(id);
  });

  it('go to the agent that has less under way', async () => {
    verifies('R2.load', 'R2.scoring');
    const held = await start({ agent: 'desk.alpha', text: 'hold' });
    await eventually(async () => {
      const [step] = await tutti.history.steps(tenantId, held);
      return step?.status === 'running';
    });

    const { agent, why } = await done({ capability: 'counting', text: 'one' });

    assert.equal(agent, 'desk.beta');
    assert.match(why, /^desk\.beta can 'counting'; 0 under way.*Next: desk\.alpha, 1 under way/);
    await cancel(held);
  });

  it('go to the agent that has failed less', async () => {
    verifies('R2.scoring');
    for (let times = 0; times < 3; times += 1)
      assert.equal(
        (await done({ agent: 'desk.beta', text: 'fail' })).error?.code,
        'OUTPUT_INVALID',
      );

    const { agent, considered } = await done({ capability: 'counting', text: 'a b c' });

    assert.equal(agent, 'desk.alpha');
    assert.deepEqual(
      considered.map((each) => each.agent),
      ['desk.alpha', 'desk.beta'],
    );
    assert.equal(considered[1]?.ended, (considered[1]?.succeeded ?? 0) + 3);
  });

  it('are one task under one key, whoever would be chosen by then', async () => {
    verifies('R10.idempotency');
    const wanted = { capability: 'counting', text: 'once', key: 'k1' };
    const crowd = await Promise.all(Array.from({ length: 6 }, () => tasks.start(request(wanted))));
    const id = crowd[0]?.id as string;
    await tutti.engine.whenEnded(id);
    const { agent } = await tasks.view(tenantId, id);
    // Now the other one stands better.
    await done({ agent, text: 'fail' });
    await done({ agent, text: 'fail' });
    await done({ agent, text: 'fail' });
    await done({ agent, text: 'fail' });
    await done({ agent, text: 'fail' });
    const again = await tasks.start(request(wanted));

    assert.equal(new Set(crowd.map((each) => each.id)).size, 1);
    assert.equal(crowd.filter(({ isNew }) => isNew).length, 1);
    assert.deepEqual(again, { id, isNew: false });
    for (const other of [{ text: 'twice' }, { agent: 'desk.beta', capability: undefined }])
      await assert.rejects(tasks.start(request({ ...wanted, ...other })), { code: 'KEY_REUSED' });
  });

  it('are refused before anything is stored', async () => {
    const before = (await tutti.history.runs(tenantId)).length;
    const refused: readonly [Partial<TaskRequest>, string, RegExp][] = [
      [
        { agent: 'desk.gamma', text: 'x' },
        'AGENT_UNKNOWN',
        /'desk\.gamma'; known are: desk\.alpha/,
      ],
      [{ agent: 'tutti.undo', input: {} }, 'AGENT_UNKNOWN', /tutti\.undo/],
      [{ agent: 'desk.clerk', text: 'x' }, 'INPUT_INVALID', /'desk\.clerk' takes no task in words/],
      [{ agent: 'desk.clerk', input: { number: 'x' } }, 'INPUT_INVALID', /number/],
      [
        { agent: 'desk.dreamer', text: 'x' },
        'MODEL_REQUIRED',
        /'desk\.dreamer' has no playbook; it needs a model/,
      ],
      [{ capability: 'dreaming', text: 'x' }, 'MODEL_REQUIRED', /OPENAI_API_KEY/],
      [{ capability: 'baking', text: 'x' }, 'AGENT_UNKNOWN', /counting, doubling, dreaming/],
    ];
    for (const [wanted, code, message] of refused)
      await assert.rejects(tasks.start(request(wanted)), { code, message });

    assert.equal((await tutti.history.runs(tenantId)).length, before);
    const none = '0197a000-0000-7000-8000-000000000000';
    for (const id of [none, 'none'])
      await assert.rejects(tasks.view(tenantId, id), { code: 'TASK_UNKNOWN' });
  });

  it('are nobody else’s', async () => {
    verifies('R12.tenancy');
    const { id } = await done({ agent: 'desk.alpha', text: 'ours', key: 'shared' });
    const theirs = await tutti.host.store.tenant('theirs');

    await assert.rejects(tasks.view(theirs, id), { code: 'TASK_UNKNOWN' });
    const own = await tasks.start(
      request({ agent: 'desk.beta', text: 'x', key: 'shared', tenantId: theirs }),
    );
    assert.notEqual(own.id, id);
  });
});
