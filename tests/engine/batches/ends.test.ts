import assert from 'node:assert/strict';
import type { BatchAnswer } from '../../support/batch-world.ts';
import type { ModelCallSeen } from '../../support/model-server.ts';
import { verifies } from '../../support/verifies.ts';
import { BatchLab, idOf } from './lab.ts';

const ids = ['a', 'b', 'c'];
const hourMs = 3_600_000;
/** What one call costs in a batch and directly, by the lab's prices. */
const batchCost = 70;
const directCost = 140;

describe('a batch that does not end as it should', () => {
  let lab: BatchLab;

  before(async () => {
    lab = await BatchLab.open('openai');
  });
  beforeEach(() => lab.begin());
  after(function () {
    return lab.close(this);
  });

  const spent = async (id: string): Promise<number> =>
    (await lab.ledger(id)).reduce((sum, { cost }) => sum + cost, 0);

  /** Reserved is nothing, and the purses hold what the ledger says. */
  async function checkMoney(run: { readonly id: string }, cost: number): Promise<void> {
    assert.equal(await spent(run.id), cost);
    assert.deepEqual(await lab.purses(), { reserved: 0, settled: cost });
  }

  const failing =
    (id: string, answer: BatchAnswer) =>
    (call: ModelCallSeen): BatchAnswer | null =>
      idOf(call) === id ? answer : null;

  it('is cancelled when the deadline nears: what was answered is kept, the rest is called directly', async () => {
    verifies('R7.reserve');
    const run = await lab.run('lab.timed', ids);
    await lab.submitted();
    lab.clock.pass(2.4 * hourMs);
    await lab.until(() => lab.batches[0]?.state === 'cancelling', 10_000);
    lab.server.end({ state: 'cancelled', answered: 1 });

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.batched, ['a']);
    assert.deepEqual(lab.direct.toSorted(), ['b', 'c']);
    assert.deepEqual(Object.keys(await lab.outputs(run.id)), ids);
    await checkMoney(run, batchCost + 2 * directCost);
    // Hours have passed here, and the database, whose moments deadlines count from, knows nothing of them.
    await lab.close();
    lab = await BatchLab.open('openai');
  });

  it('is called directly when it does not end in time, and costs what it did once that is known', async () => {
    const run = await lab.run('lab.timed', ids);
    await lab.submitted();
    const [{ reserved = 0 } = {}] = await lab.ledger(run.id);
    lab.clock.pass(2.5 * hourMs);

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);
    await checkMoney(run, 3 * reserved + 3 * directCost);
    lab.answer = failing('b', { isLost: true });
    lab.server.end({ state: 'cancelled', answered: 2 });
    await lab.until(async () => (await spent(run.id)) === batchCost + 3 * directCost);
    await checkMoney(run, batchCost + 3 * directCost);
  });

  it('expires: what was not answered is called directly', async () => {
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end({ state: 'expired', answered: 2 });

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.batched, ['a', 'b']);
    assert.deepEqual(lab.direct, ['c']);
    await checkMoney(run, 2 * batchCost + directCost);
  });

  it('fails as a whole: everything is called directly, or later where its provider was full', async () => {
    const refused = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end({ state: 'failed', code: 'invalid_json_line' });
    assert.equal(await lab.ended(refused), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);

    const full = await lab.run('lab.sort', ids);
    await lab.submitted(2);
    lab.server.end({ state: 'failed', code: 'token_limit_exceeded' });
    await lab.submitted(3);
    lab.server.end();
    assert.equal(await lab.ended(full), 'succeeded');

    assert.equal(lab.direct.length, 3);
    assert.equal(await spent(full.id), 3 * batchCost);
  });

  it('is refused: everything is called directly, or later where its provider was busy', async () => {
    const create = /^POST \/v1\/batches$/;
    lab.server.fail(create, { kind: 'status', status: 400 });
    const refused = await lab.run('lab.sort', ids);
    assert.equal(await lab.ended(refused), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);
    await checkMoney(refused, 3 * directCost);

    lab.server.fail(create, { kind: 'status', status: 429, headers: { 'retry-after': '90' } });
    const busy = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end();
    assert.equal(await lab.ended(busy), 'succeeded');
    assert.equal(lab.direct.length, 3);
  });

  it('fails in one item as a direct call fails', async () => {
    lab.answer = failing('b', {
      failure: { status: 400, type: 'invalid_request_error', message: 'no' },
    });
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end();

    assert.equal(await lab.ended(run), 'partial');
    assert.deepEqual(await lab.steps(run.id), ['succeeded', 'failed', 'succeeded']);
    const { rows } = await lab.pool.query<{ code: string }>(
      `SELECT error->>'code' AS code FROM tutti.step WHERE run_id = $1 AND error IS NOT NULL`,
      [run.id],
    );
    assert.deepEqual(rows, [{ code: 'MODEL_REFUSED' }]);
    await checkMoney(run, 2 * batchCost);
  });

  it('has an item whose provider was ill: it is called directly', async () => {
    lab.answer = failing('b', {
      failure: { status: 500, type: 'server_error', message: 'sorry' },
    });
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end();

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, ['b']);
    await checkMoney(run, 2 * batchCost + directCost);
  });

  it('has an answer that cannot be read: it counts in full, and the step is tried again', async () => {
    lab.answer = failing('b', { body: { nonsense: true } });
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    const [{ reserved = 0 } = {}] = await lab.ledger(run.id);
    lab.server.end();

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, ['b']);
    await checkMoney(run, 2 * batchCost + reserved + directCost);
  });

  it('has lost a result: it is called directly', async () => {
    lab.answer = failing('b', { isLost: true });
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    lab.server.end();

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, ['b']);
  });

  it('is forgotten by its provider: it counts in full, and all is called directly', async () => {
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    const [{ reserved = 0 } = {}] = await lab.ledger(run.id);
    lab.server.forget(lab.batches[0]?.id ?? '', 'batch');

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct.toSorted(), ids);
    await checkMoney(run, 3 * reserved + 3 * directCost);
    // Whoever takes the run over in between still has to know of the batch: otherwise it would take those calls for unsent.
    const kinds = await lab.kinds(run.id, '%');
    const before = kinds.slice(0, kinds.indexOf('batch.ended'));
    assert.equal(before.filter((kind) => kind === 'turn.ended').length, ids.length);
  });

  it('is cancelled with its run, and costs what it did', async () => {
    verifies('R8.cancel');
    const run = await lab.run('lab.sort', ids);
    await lab.submitted();
    await lab.ask(run.id, 'cancel');

    assert.equal(await lab.ended(run), 'cancelled');
    await lab.until(() => lab.batches[0]?.state === 'cancelling');
    lab.server.end({ state: 'cancelled', answered: 1 });
    await lab.until(async () => (await spent(run.id)) === batchCost);
    await checkMoney(run, batchCost);
    assert.deepEqual(lab.direct, []);
    assert.equal((await lab.kinds(run.id, '%')).at(-1), 'run.ended');
  });

  it('is never submitted when its run is cancelled before', async () => {
    const run = await lab.run('lab.sort', ids);
    await lab.waiting(run, 3);
    await lab.ask(run.id, 'cancel');

    assert.equal(await lab.ended(run), 'cancelled');
    lab.clock.pass(120_000);
    assert.equal(lab.batches.length, 0);
    await checkMoney(run, 0);
  });
});
