import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { BatchLab, idOf } from './lab.ts';

const ids = ['a', 'b', 'c'];

for (const provider of ['openai', 'anthropic'] as const) {
  describe(`calls that go by batches of ${provider}`, () => {
    let lab: BatchLab;

    before(async () => {
      lab = await BatchLab.open(provider);
    });
    beforeEach(() => lab.begin());
    after(function () {
      return lab.close(this);
    });

    it('hold no slot and no thread while they wait', async () => {
      const run = await lab.run('lab.sort', ids);
      await lab.submitted();

      const other = await lab.run('lab.call', ['x', 'y']);

      assert.equal(await lab.ended(other), 'succeeded');
      assert.deepEqual(await lab.steps(run.id), ['batch', 'batch', 'batch']);
      lab.server.end();
      assert.equal(await lab.ended(run), 'succeeded');
      assert.deepEqual(lab.direct.toSorted(), ['x', 'y']);
    });

    it('go on with tools on a thread between two batches', async () => {
      const run = await lab.run('lab.look', ids);
      await lab.submitted(1);
      lab.server.end();
      await lab.submitted(2);
      assert.deepEqual(await lab.steps(run.id), ['batch', 'batch', 'batch']);
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      const outputs = await lab.outputs(run.id);
      assert.deepEqual(outputs.b, { text: 'b with {"number":"number of b"}' });
      assert.deepEqual(lab.direct, []);
      assert.equal(lab.batched.length, 6);
      const { rows } = await lab.pool.query(
        'SELECT no, outcome FROM tutti.attempt WHERE run_id = $1 AND step = 1 ORDER BY no',
        [run.id],
      );
      assert.deepEqual(rows, [
        { no: 1, outcome: 'batched' },
        { no: 2, outcome: 'succeeded' },
      ]);
      assert.equal((await lab.purses()).reserved, 0);
    });

    it('have the same outputs as direct calls, at half the price, and send what those send', async () => {
      verifies('R7.cost', 'R7.reserve');
      const sorted = await lab.run('lab.sort', ids);
      await lab.submitted();
      assert.deepEqual(await lab.steps(sorted.id), ['batch', 'batch', 'batch']);
      lab.server.end();
      assert.equal(await lab.ended(sorted), 'succeeded');
      const looked = await lab.run('lab.look', ['x', 'y']);
      for (const count of [2, 3]) {
        await lab.submitted(count);
        lab.server.end();
      }
      assert.equal(await lab.ended(looked), 'succeeded');
      assert.deepEqual(lab.direct, []);

      // The same runs by direct calls, on an engine of their own.
      await lab.stop();
      await lab.start({ batches: { enabled: false } });
      const plain = await lab.run('lab.sort', ids);
      assert.equal(await lab.ended(plain), 'succeeded');
      assert.deepEqual(lab.direct.toSorted(), ids);
      assert.equal(await lab.ended(await lab.run('lab.look', ['x', 'y'])), 'succeeded');

      assert.deepEqual(await lab.outputs(sorted.id), await lab.outputs(plain.id));
      const own = await lab.ledger(sorted.id);
      const theirs = await lab.ledger(plain.id);
      assert.deepEqual(
        own.map(({ cost, batch, state }) => [cost * 2, batch, state]),
        theirs.map(({ cost, batch }) => [cost, !batch, 'settled']),
      );
      assert.equal((await lab.purses()).reserved, 0);
      const bare = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) => {
        const { stream: _, ...rest } = body;
        return JSON.stringify(rest);
      };
      const batched = lab.batches.flatMap(({ items }) => items.map(({ call }) => bare(call)));
      assert.equal(batched.length, ids.length + 4);
      assert.deepEqual(batched.toSorted(), lab.directCalls.map(bare).toSorted());
    });
  });
}

describe('a step whose call may go by a batch', () => {
  let lab: BatchLab;

  before(async () => {
    lab = await BatchLab.open('openai');
  });
  beforeEach(() => lab.begin());
  after(function () {
    return lab.close(this);
  });

  it('makes its second call directly where the others needed no second', async () => {
    lab.answer = (call) =>
      idOf(call) === 'c' ? null : { text: '{"text":"at once"}', usage: { input: 1, output: 1 } };
    const run = await lab.run('lab.look', ids);
    await lab.submitted();
    lab.server.end();

    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, ['c']);
    const outputs = await lab.outputs(run.id);
    assert.deepEqual(Object.values(outputs), [
      { text: 'at once' },
      { text: 'at once' },
      { text: 'c with {"number":"number of c"}' },
    ]);
    assert.equal((await lab.purses()).reserved, 0);
  });

  it('leaves no batch behind when its run is paused before, and answers stay when it is paused after', async () => {
    const run = await lab.run('lab.sort', ids);
    await lab.until(async () => (await lab.steps(run.id)).includes('batch'), 1);
    await lab.ask(run.id, 'pause');
    await lab.until(async () => (await lab.kinds(run.id, 'run.paused')).length > 0);
    lab.clock.pass(120_000);
    assert.deepEqual(await lab.kinds(run.id, 'batch.%'), []);

    await lab.ask(run.id, 'resume');
    await lab.submitted();
    await lab.ask(run.id, 'pause');
    await lab.until(async () => (await lab.kinds(run.id, 'run.paused')).length > 1);
    lab.server.end();
    await lab.until(async () => (await lab.kinds(run.id, 'batch.ended')).length > 0);
    assert.deepEqual(await lab.steps(run.id), ['ready', 'ready', 'ready']);

    await lab.ask(run.id, 'resume');
    assert.equal(await lab.ended(run), 'succeeded');
    assert.deepEqual(lab.direct, []);
  });

  describe('on an engine that sends batches of four, and with time to spare', () => {
    before(async () => {
      await lab.stop();
      await lab.start({ batches: { enabled: true, leastItems: 4, reserveMs: 2.5 * 3_600_000 } });
    });

    it('makes it directly where too few wait with it', async () => {
      const run = await lab.run('lab.sort', ids);

      assert.equal(await lab.ended(run), 'succeeded');
      assert.deepEqual(lab.direct.toSorted(), ids);
      assert.equal(lab.batches.length, 0);
      assert.equal((await lab.purses()).reserved, 0);
    });

    it('makes it directly where a batch would not end before the deadline', async () => {
      const run = await lab.run('lab.timed', [...ids, 'd']);

      assert.equal(await lab.ended(run), 'succeeded');
      assert.deepEqual(lab.direct.toSorted(), [...ids, 'd']);
      assert.deepEqual(await lab.kinds(run.id, 'step.waiting'), []);
    });
  });

  it('makes it directly where the money of a batch is not there', async () => {
    await lab.stop();
    await lab.start({ budgets: { tenantDailyMicroUsd: 100 } });
    const run = await lab.run('lab.sort', ids);
    const status = await lab.ended(run);

    assert.equal(status, 'partial');
    assert.equal(lab.batches.length, 0);
    assert.deepEqual(await lab.purses(), { reserved: 0, settled: 0 });
  });
});
