import assert from 'node:assert/strict';
import type { StepView } from '../../core/engine/history/views.ts';
import { booksDatabase } from '../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import {
  type ModelCallSeen,
  type ModelServer,
  type ServerAnswer,
  startModelServer,
} from '../support/model-server.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';

const key = { TUTTI_TEST_KEY: 'a-key-of-the-tests' };
const answer: ServerAnswer = { text: '{"count":1}' };
const list = (args: unknown, name = 'probe-company-list'): ServerAnswer => ({
  calls: [{ name, args }],
});
const report = (finding: object): ServerAnswer => ({
  calls: [{ name: 'finding-report', args: { ...aFinding, ...finding } }],
});
const aFinding = {
  kind: 'probe.seen',
  severity: 'low',
  records: [{ entity: 'company', id: 'C-1' }],
  company: null,
  amount: null,
  currency: null,
  summary: 'Seen.',
};

/** What the server says to a case's calls, in order; the last goes on for ever. */
const scripts: Readonly<Record<string, readonly ServerAnswer[]>> = {
  'misfit twice': [{ text: '{"count":"one"}' }],
  'misfit once': [{ text: 'The count is 1.' }, answer],
  'cut off': [{ isCut: true }, answer],
  'unknown tool': [list({}, 'probe-company-delete'), answer],
  'bad arguments': [list({ codes: 7 }), list('no json {'), answer],
  'undeclared kind': [report({ kind: 'probe.invented' }), answer],
  'no such records': [report({ records: [{ entity: 'invoice', id: '1' }] }), answer],
  'no amount': [report({ amount: '12,50', currency: 'EUR' }), answer],
  'never ends': [list({ codes: [] })],
  'fails late': [report({}), { text: 'nonsense' }],
  'ill text': [report({ summary: 'a\u0000b\ud800c', company: '\u0000' }), answer],
  'server error': [{ fault: { kind: 'status', status: 500 } }],
  'error once': [{ fault: { kind: 'status', status: 500 } }, answer],
  'wrong key': [{ fault: { kind: 'status', status: 401 } }],
  silence: [{ fault: { kind: 'silence', after: 'head' } }],
};

describe('an agent whose model misbehaves', () => {
  let fresh: FreshDatabase;
  let server: ModelServer;
  let tutti: TestEngine;
  let tenantId: number;
  const perCase = new Map<string, ModelCallSeen[]>();

  before(async () => {
    Object.assign(process.env, key);
    fresh = await booksDatabase();
    server = await startModelServer((call) => {
      const opening = call.messages[0]?.kind === 'text' ? call.messages[0].text : '';
      const { case: name } = JSON.parse(opening.split('Input: ')[1] ?? '{}') as { case: string };
      const calls = [...(perCase.get(name) ?? []), call];
      perCase.set(name, calls);
      const script = scripts[name] ?? [answer];
      return script[Math.min(calls.length, script.length) - 1] as ServerAnswer;
    });
    tutti = await open({});
    tenantId = await tutti.host.store.tenant('probe');
  });
  after(async function () {
    delete process.env.TUTTI_TEST_KEY;
    await tutti.close();
    await server.close();
    await fresh.drop(this);
  });

  async function open(
    limits: Readonly<Record<string, string>>,
    database = fresh,
  ): Promise<TestEngine> {
    const url = new URL('./fixtures/faults.config.ts', import.meta.url);
    url.search = String(new URLSearchParams({ baseUrl: server.baseUrl('openai'), ...limits }));
    return await openTestEngine(url, { fresh: database, env: key });
  }

  interface Ended {
    readonly id: string;
    readonly status: string;
    readonly step: StepView;
    readonly calls: readonly ModelCallSeen[];
    /** What the model's tool calls were answered. */
    readonly results: readonly (readonly [isError: boolean, content: string])[];
  }

  async function run(name: string, workflow = 'probe_once'): Promise<Ended> {
    const ended = await tutti.run(workflow, { tenantId, input: { case: name } });
    const [step] = await tutti.history.steps(tenantId, ended.id);
    const calls = perCase.get(name) ?? [];
    const results = (calls.at(-1)?.messages ?? []).flatMap((each) =>
      each.kind === 'result' ? [[each.isError, each.content] as const] : [],
    );
    return { ...ended, step: step as StepView, calls, results };
  }

  async function ledgerOf(runId: string) {
    return await queryAll<{ state: string; cost: number; bound: number }>(
      tutti.host.database,
      `SELECT state, cost_micro_usd AS cost, reserved_micro_usd AS bound FROM tutti.ledger WHERE run_id = $1 ORDER BY seq`,
      [runId],
    );
  }

  it('gives an answer that does not fit one turn to be repaired', async () => {
    verifies('R4.structured-output');
    const { status, calls } = await run('misfit once');

    assert.equal(status, 'succeeded');
    assert.equal(calls.length, 2);
    assert.match(
      JSON.stringify(calls[1]?.messages.at(-1)),
      /does not fit the required form: it is no JSON/,
    );
  });

  it('lets an answer be repaired that was cut off before it said anything', async () => {
    const { status, calls } = await run('cut off');

    assert.equal(status, 'succeeded');
    assert.match(JSON.stringify(calls[1]?.messages.at(-1)), /cut off at the token limit/);
  });

  it('fails with OUTPUT_INVALID when the second answer does not fit either', async () => {
    verifies('R4.structured-output');
    const { status, step, calls } = await run('misfit twice');

    assert.equal(status, 'partial');
    assert.equal(step.error?.code, 'OUTPUT_INVALID');
    assert.match(step.error?.message ?? '', /'probe\.probe' answered twice .*count/);
    assert.equal(calls.length, 2);
  });

  it('tells the model of a tool that there is none, and goes on', async () => {
    const { status, results } = await run('unknown tool');

    assert.equal(status, 'succeeded');
    assert.deepEqual(results, [[true, "There is no tool 'probe.company.delete'."]]);
  });

  it('tells the model what is wrong with its arguments, before the handler runs', async () => {
    verifies('R5.tool-invalid', 'R5.tool-errors');
    const { id, status, results } = await run('bad arguments');

    assert.equal(status, 'succeeded');
    assert.equal(results.length, 2);
    for (const [isError, content] of results) {
      assert.ok(isError);
      assert.match(content, /'probe\.company\.list' does not take these arguments/);
    }
    assert.equal((await tutti.history.summary(tenantId, id)).recordsRead, 0);
  });

  for (const [name, why] of [
    ['undeclared kind', /does not declare findings of kind 'probe\.invented'/],
    ['no such records', /there are no records 'invoice'/],
    ['no amount', /amount/],
  ] as const) {
    it(`refuses a finding with ${name}`, async () => {
      const { id, status, results } = await run(name);

      assert.equal(status, 'succeeded');
      assert.equal(results[0]?.[0], true);
      assert.match(results[0]?.[1] ?? '', why);
      assert.deepEqual(await tutti.history.findings(tenantId, { runId: id }), []);
    });
  }

  it('stops after the turns that it has', async () => {
    const { status, step, calls } = await run('never ends');

    assert.equal(status, 'partial');
    assert.equal(step.error?.code, 'TURNS_EXHAUSTED');
    assert.equal(calls.length, 4);
  });

  it('leaves no finding of a try that failed', async () => {
    const { id, step } = await run('fails late');

    assert.equal(step.error?.code, 'OUTPUT_INVALID');
    assert.deepEqual(await tutti.history.findings(tenantId, { runId: id }), []);
  });

  it('stores what a model writes with U+FFFD for characters that are none', async () => {
    const { id, status } = await run('ill text');

    const [found] = await tutti.history.findings(tenantId, { runId: id });
    assert.equal(status, 'succeeded');
    assert.equal(found?.summary, 'a\uFFFDb\uFFFDc');
    assert.equal(found?.company, '\uFFFD');
  });

  it('runs the playbook, marked degraded, when the budget is too small for a call', async () => {
    verifies('R7.on-budget', 'R8.fallback');
    const { id, status, step, calls } = await run('poor', 'poor_once');

    assert.equal(status, 'succeeded');
    assert.ok(step.degraded);
    assert.equal(calls.length, 0);
    assert.equal((await tutti.history.findings(tenantId, { runId: id })).length, 1);
    assert.deepEqual(await ledgerOf(id), []);
  });

  it('fails with BUDGET_EXCEEDED where the agent wants no playbook', async () => {
    verifies('R7.on-budget');
    const { step, calls } = await run('strict', 'strict_once');

    assert.equal(step.error?.code, 'BUDGET_EXCEEDED');
    assert.equal(calls.length, 0);
  });

  it('asks again after an error of the server, within the same attempt', async () => {
    verifies('R8.retry');
    const { id, status, step, calls } = await run('error once');

    assert.equal(status, 'succeeded');
    assert.deepEqual([step.attempt, calls.length], [1, 2]);
    assert.deepEqual(
      (await ledgerOf(id)).map(({ state }) => state),
      ['estimated', 'settled'],
    );
  });

  it('ends in part when the server keeps failing, with every call booked at its bound', async () => {
    verifies('R1.partial', 'R8.criticality');
    const { id, status, step, calls } = await run('server error');

    assert.equal(status, 'partial');
    assert.equal(step.error?.code, 'MODEL_UNAVAILABLE');
    // Two attempts, each of one turn that is asked three times.
    assert.deepEqual([step.attempt, calls.length], [2, 6]);
    const ledger = await ledgerOf(id);
    assert.equal(ledger.length, 6);
    for (const row of ledger) assert.deepEqual([row.state, row.cost], ['estimated', row.bound]);
  });

  it('says which variable to set when the key is refused, asks once and pays nothing', async () => {
    const { id, step, calls } = await run('wrong key');

    assert.equal(step.error?.code, 'MODEL_REFUSED');
    assert.match(step.error?.message ?? '', /401.*TUTTI_TEST_KEY|TUTTI_TEST_KEY.*401/s);
    assert.doesNotMatch(step.error?.message ?? '', new RegExp(key.TUTTI_TEST_KEY));
    assert.equal(calls.length, 1);
    assert.deepEqual(
      (await ledgerOf(id)).map(({ state, cost }) => [state, cost]),
      [['released', 0]],
    );
  });

  it('aborts the request when its run is cancelled', async () => {
    const request = requestOf('probe_once', { tenantId, input: { case: 'silence' } });
    const { id } = await tutti.engine.startRun(request);
    const ended = tutti.engine.whenEnded(id);
    await eventually(() => perCase.has('silence'));
    assert.equal(server.open, 1);

    await tutti.engine.ask({ tenantId, runId: id, kind: 'cancel', actor: request.actor });

    assert.equal(await ended, 'cancelled');
    await eventually(() => server.open === 0);
    assert.deepEqual(
      (await ledgerOf(id)).map(({ state }) => state),
      ['estimated'],
    );
  });

  it('makes no more requests in a minute than the model allows', async function () {
    verifies('R6.sliding-window');
    // A database of its own: the engine of the other tests, which has no such limit, would take the run up.
    const own = await booksDatabase();
    const limited = await open({ requestsPerMinute: '3' }, own);
    try {
      const names = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
      const ours = await limited.host.store.tenant('probe');
      const request = requestOf('many', {
        tenantId: ours,
        input: { cases: names.map((name) => ({ case: name })) },
      });
      const { id } = await limited.engine.startRun(request);
      const ended = limited.engine.whenEnded(id);
      const doneSteps = async () =>
        (await limited.history.steps(ours, id)).filter(
          ({ kind, endedAt }) => kind === 'task' && endedAt,
        );
      await eventually(async () => (await doneSteps()).length === 3);

      assert.equal(names.filter((name) => perCase.has(name)).length, 3);

      await limited.engine.ask({ tenantId: ours, runId: id, kind: 'cancel', actor: request.actor });
      assert.equal(await ended, 'cancelled');
      assert.equal(names.filter((name) => perCase.has(name)).length, 3);
    } finally {
      await limited.close();
      await own.drop(this);
    }
  });

  it('leaves no money reserved after all of this', async () => {
    const purses = await queryAll<{ scope: string; reserved: number }>(
      tutti.host.database,
      'SELECT scope, reserved_micro_usd AS reserved FROM tutti.budget',
    );

    assert.ok(purses.length > 0);
    assert.deepEqual(
      purses.filter(({ reserved }) => reserved !== 0),
      [],
    );
  });
});
