import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { BatchLab } from './lab.ts';

const ids = ['a', 'b', 'c', 'd'];
/** Batches that are given up after a minute: hours of the clock could lead into the next day in UTC, which has a budget of its own. */
const impatient = { enabled: true, leastItems: 2, patienceMs: 60_000, expectedMs: 20_000 };
/** What one call costs in a batch and directly, by the lab's prices. */
const batchCost = 70;
const directCost = 140;

describe('money that a batch holds', () => {
  let lab: BatchLab;
  /** The upper bound of one call in a batch; a direct call's is twice that. */
  let boundMicroUsd: number;

  before(async () => {
    lab = await BatchLab.open('openai');
    await lab.begin();
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    const [first] = await lab.ledger(run.id);
    boundMicroUsd = first?.reserved ?? 0;
    lab.server.end();
    assert.equal(await lab.ended(run), 'succeeded');
  });
  // Each test has another budget.
  afterEach(() => lab.stop());
  after(function () {
    return lab.close(this);
  });

  const budgets = (bounds: number) => ({
    tenantDailyMicroUsd: Math.floor(bounds * boundMicroUsd),
  });
  const start = async (bounds: number): Promise<void> => {
    await lab.stop();
    await lab.begin({ budgets: budgets(bounds) });
  };
  const startImpatient = (bounds: number) =>
    lab.begin({ budgets: budgets(bounds), batches: impatient });

  async function spentIs(microUsd: number): Promise<void> {
    assert.deepEqual(await lab.purses(), { reserved: 0, settled: microUsd });
  }

  it('is what other steps wait for, who are told so, until the batch has ended', async () => {
    verifies('R7.reserve');
    await start(5.5);
    const batched = await lab.run('lab.sort', ids);
    await lab.submitted();
    const other = await lab.run('lab.call', ['x']);
    await lab.until(async () => (await lab.steps(other.id)).includes('ready'));

    const { steps } = await lab.engine.explain({ tenantId: lab.tenantId, runId: other.id });
    const step = steps.find(({ agent }) => agent === 'lab.caller');
    assert.deepEqual(
      step?.blockers.map(({ kind, text }) => [kind, /reserved/.test(text)]),
      [['budget', true]],
    );
    lab.server.end();

    assert.equal(await lab.ended(batched), 'succeeded');
    assert.equal(await lab.ended(other), 'succeeded');
    await spentIs(4 * batchCost + directCost);
  });

  it('comes back to direct calls in its place, one after the other where there is room for one', async () => {
    await start(4.5);
    lab.server.fail(/^POST \/v1\/batches$/, { kind: 'status', status: 400 });
    const run = await lab.run('lab.sort', ids);

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);
    await spentIs(4 * directCost);
  });

  it('may be spent when the batch is late: calls in its place are made while there is room for both, and no step waits for ever', async () => {
    await startImpatient(6.5);
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.clock.pass(61_000);

    // Four bounds may be spent; of the two and a half that are left a direct call takes two at most.
    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);
    lab.server.end({ state: 'cancelled', answered: 2 });
    await lab.until(async () => (await lab.purses()).settled === 2 * batchCost + 4 * directCost);
  });

  it('may be spent when the batch is late: without room for both, steps end for want of money', async () => {
    await startImpatient(4.5);
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.clock.pass(61_000);

    assert.notEqual(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, []);
    lab.server.end({ state: 'cancelled', answered: 2 });
    await lab.until(async () => (await lab.purses()).settled === 2 * batchCost);
    await spentIs(2 * batchCost);
  });
});
