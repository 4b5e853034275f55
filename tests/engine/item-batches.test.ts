import assert from 'node:assert/strict';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../support/fixtures/item-batches.config.ts', import.meta.url);
const never = new AbortController().signal;
const actor = { kind: 'person', id: 'anna' } as const;

/** Two vendors of four bills and of one. */
const input = {
  bills: ['a-1', 'b-1', 'a-2', 'a-3', 'a-4'].map((id) => ({ id, vendor: id[0] as string })),
};

describe('an agent that works on batches', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let tenants = 0;

  before(async () => {
    tutti = await openTestEngine(config);
  });
  beforeEach(async () => {
    tenants += 1;
    tenantId = await tutti.host.store.tenant(`desk ${tenants}`);
  });
  after(function () {
    return tutti.close(this);
  });

  /** The steps of a run's items that have been attempted, each with how it ended. */
  async function attempted(runId: string): Promise<Readonly<Record<string, string>>> {
    const steps = await tutti.history.steps(tenantId, runId);
    return Object.fromEntries(
      steps.flatMap(({ itemKey, attempt, status }) =>
        itemKey !== '' && attempt > 0 ? [[itemKey, status]] : [],
      ),
    );
  }

  const among = (key: string, count: number) => ({ key, among: count });

  it('has one step a batch in the plan and in the run, and brings one result an item', async () => {
    verifies('R1.batching', 'R7.plan');
    const request = { tenantId, workflow: 'marks', input };
    const day = { businessDate: '2026-06-30', timeZone: 'Europe/Berlin' };

    const plan = await tutti.host.planner.plan({ ...request, ...day }, never);
    const { id, status } = await tutti.run('marks', { tenantId, input });

    assert.equal(status, 'succeeded');
    assert.equal(plan.agents, 3);
    assert.deepEqual(await attempted(id), {
      'a-1': 'succeeded',
      'a-4': 'succeeded',
      'b-1': 'succeeded',
    });
    assert.deepEqual(await tutti.history.output(tenantId, id), {
      items: [among('a-1', 3), among('b-1', 1), among('a-2', 3), among('a-3', 3), among('a-4', 1)],
      missing: 0,
    });
    const entries = await tutti.history.entries(tenantId, id, 0);
    const started = entries.flatMap(({ kind, data }) => (kind === 'step.started' ? [data] : []));
    assert.deepEqual(started.map(({ batch }) => batch).toSorted(), [
      ['a-1', 'a-2', 'a-3'],
      ['a-4'],
      ['b-1'],
    ]);
  });

  it('runs as it was planned, and not over other batches', async () => {
    const request = requestOf('marks', { tenantId, input });
    const { hash } = await tutti.host.planner.plan(request, never);
    const bound = await tutti.host.planner.bind(request, hash, never);

    const { id } = await tutti.engine.startRun(bound);

    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    const others = { bills: input.bills.map(({ id: bill }) => ({ id: bill, vendor: 'a' })) };
    await assert.rejects(
      tutti.host.planner.bind(requestOf('marks', { tenantId, input: others }), hash, never),
      { code: 'PLAN_CHANGED' },
    );
  });

  it('fails when it leaves an item out, with all items of the step; a retry does those again alone', async () => {
    verifies('R1.batching', 'R1.partial');
    const bills = ['a-1', 'x-1', 'a-2', 'a-3', 'x-2', 'b-1'].map((id) => ({
      id,
      vendor: id === 'b-1' ? 'x' : (id[0] as string),
    }));
    const first = await tutti.run('marks', { tenantId, input: { bills } });

    const { id } = await tutti.engine.retryRun({ tenantId, runId: first.id, actor });
    const again = await tutti.engine.whenEnded(id);

    assert.deepEqual([first.status, again], ['partial', 'partial']);
    assert.deepEqual(await attempted(first.id), { 'a-1': 'succeeded', 'x-1': 'failed' });
    assert.deepEqual(await attempted(id), { 'x-1': 'failed' });
    const whole = {
      items: [among('a-1', 3), among('a-2', 3), among('a-3', 3)],
      missing: 3,
    };
    assert.deepEqual(await tutti.history.output(tenantId, first.id), whole);
    assert.deepEqual(await tutti.history.output(tenantId, id), whole);
    const [failed] = (await tutti.history.steps(tenantId, id)).filter(
      ({ status, itemKey }) => status === 'failed' && itemKey !== '',
    );
    assert.match(String(failed?.error?.message), /missing: "x-1", "x-2"/);
  });
});
