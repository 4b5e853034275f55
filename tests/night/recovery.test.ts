import assert from 'node:assert/strict';
import type { EntryView, StepView } from '../../core/engine/history/history.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../../examples/recovery/tutti.config.ts', import.meta.url);
const told = ['step.retrying', 'step.reassigned', 'step.escalated', 'step.skipped', 'run.aborted'];

interface Course {
  readonly id: string;
  readonly status: string;
  readonly letter: StepView;
  readonly filing: StepView;
  /** What the journal says of the letter's recovery, in order. */
  readonly entries: readonly EntryView[];
}

describe('the examples of recovery', function () {
  this.timeout(300_000);
  let tutti: TestEngine;
  let tenantId: number;
  let store: SettingStore;
  /** What the configuration prints of steps that failed. */
  const lines: string[] = [];
  const { error: printError } = console;

  before(async () => {
    console.error = (line: string) => lines.push(line);
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    store = new SettingStore(tutti.host.database, tutti.host);
  });
  after(function () {
    console.error = printError;
    return tutti.close(this);
  });

  async function run(strategy: string): Promise<Course> {
    const { id, status } = await tutti.run(`recovery.${strategy}`, { tenantId });
    const steps = await tutti.history.steps(tenantId, id);
    const of = (node: string) => steps.find((step) => step.node === node) ?? assert.fail();
    const entries = (await tutti.history.entries(tenantId, id, 0)).filter(({ kind }) =>
      told.includes(kind),
    );
    return { id, status, letter: of('letter'), filing: of('filing'), entries };
  }

  const kinds = ({ entries }: Course) => entries.map(({ kind }) => kind);
  /** The answer of a step, as it was stored. */
  async function answerOf(course: Course): Promise<string> {
    const result = await tutti.fresh.database.pool('tutti_engine', 1).query(
      `SELECT convert_from(p.body, 'UTF8')::jsonb->>'answer' AS answer FROM tutti.step s
         JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq WHERE s.run_id = $1 AND s.node = 'letter'`,
      [course.id],
    );
    return result.rows[0]?.answer;
  }

  it('retry: asks again until the model answers, with what it waited for on record', async () => {
    verifies('R8.retry', 'R8.retry-policy', 'R14.examples');
    const course = await run('retry');

    assert.deepEqual([course.status, course.letter.attempt], ['succeeded', 2]);
    assert.deepEqual(kinds(course), ['step.retrying']);
    const [retrying] = course.entries.map(({ data }) => data);
    assert.deepEqual([retrying?.strategy, retrying?.failures, retrying?.rule], ['retry', 1, 0]);
    assert.equal(typeof retrying?.wakeAt, 'number');
    const turns = (await tutti.history.entries(tenantId, course.id, 0)).filter(
      ({ kind, data }) => kind === 'turn.ended' && data.error === 'MODEL_UNAVAILABLE',
    );
    assert.equal(turns.length, 3);
  });

  it('reset: begins a conversation that ran in circles anew', async () => {
    verifies('R8.reset');
    const course = await run('reset');

    assert.equal(course.status, 'succeeded');
    assert.deepEqual(
      course.entries.map(({ data }) => [data.strategy, data.code]),
      [['reset', 'TURNS_EXHAUSTED']],
    );
  });

  it('reassign: another agent takes over, and the journal names both', async () => {
    verifies('R8.reassign');
    const course = await run('reassign');

    assert.equal(course.status, 'succeeded');
    assert.deepEqual(kinds(course), ['step.reassigned', 'step.retrying']);
    const [taken, retrying] = course.entries;
    assert.deepEqual(taken?.data, {
      from: 'recovery.order_clerk',
      to: 'recovery.senior_clerk',
    });
    assert.equal(retrying?.data.agent, 'recovery.senior_clerk');
  });

  it('fallback: the playbook takes the place of a model that is away, and is marked', async () => {
    verifies('R8.fallback', 'R8.degraded');
    const course = await run('fallback');

    assert.deepEqual([course.status, course.letter.degraded], ['succeeded', true]);
    assert.equal(await answerOf(course), 'A-17: standard letter 3');
    assert.equal(course.entries[0]?.data.strategy, 'fallback');
  });

  it('skip: leaves the step out, and who waited for it goes on', async () => {
    verifies('R8.skip');
    const course = await run('skip');

    assert.equal(course.status, 'succeeded');
    assert.deepEqual([course.letter.status, course.filing.status], ['skipped', 'succeeded']);
    assert.equal(course.letter.error?.code, 'OUTPUT_INVALID');
    assert.deepEqual(kinds(course), ['step.skipped']);
    assert.deepEqual(course.entries[0]?.data.error, course.letter.error);
  });

  it('escalate: names who is told on the way, and the failure follows in the end', async () => {
    verifies('R8.escalate', 'R8.failure-callback');
    const course = await run('escalate');

    assert.equal(course.status, 'failed');
    assert.deepEqual(kinds(course), ['step.escalated', 'step.retrying', 'step.escalated']);
    assert.deepEqual(
      course.entries.flatMap(({ data }) => data.to ?? []),
      ['role:controller', 'role:head-of-finance'],
    );
    assert.equal(course.entries[0]?.data.code, 'OUTPUT_INVALID');
    assert.deepEqual(lines, [
      'letter (recovery.payment_clerk) has failed with OUTPUT_INVALID; told: role:controller, role:head-of-finance.',
    ]);
  });

  it('abort: ends the whole run, and nothing of it starts afterwards', async () => {
    verifies('R8.terminate');
    const course = await run('abort');

    assert.equal(course.status, 'failed');
    assert.deepEqual(kinds(course), ['step.escalated', 'run.aborted']);
    assert.deepEqual(course.entries[1]?.data, { step: 'letter', code: 'MODEL_REFUSED' });
    assert.equal(course.filing.attempt, 0);
  });

  it('take another way when a setting says so while the engine runs', async () => {
    verifies('R8.strategy-change');
    const actor = { kind: 'person', id: 'tester' } as const;
    const rules = [{ on: ['AGENT_ERROR'], ways: [] }];
    await store.put(tenantId, 'recovery:recovery.order_clerk', { value: rules, actor });

    const deadline = performance.now() + 10_000;
    let course = await run('reassign');
    while (course.status !== 'failed' && performance.now() < deadline)
      course = await run('reassign');

    assert.deepEqual([course.status, kinds(course)], ['failed', []]);
    await store.reset(tenantId, 'recovery:recovery.order_clerk', actor);
  });
});
