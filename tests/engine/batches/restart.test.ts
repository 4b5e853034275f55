import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { BatchLab } from './lab.ts';

const ids = ['a', 'b', 'c', 'd'];
const create = { openai: /^POST \/v1\/batches$/, anthropic: /^POST .*messages\/batches$/ };
const content = { openai: /content$/, anthropic: /results$/ };

for (const provider of ['openai', 'anthropic'] as const) {
  describe(`batches of ${provider} and an engine that ends`, () => {
    /** For what the engine decides alone, whoever the provider is; the other tests show what the provider's adapter decides. */
    const itOnce = (title: string, test: Mocha.AsyncFunc): void => {
      if (provider === 'openai') it(title, test);
    };
    let lab: BatchLab;

    before(async () => {
      lab = await BatchLab.open(provider);
    });
    // The engine that ended the runs of one test is the one that ends in the next.
    beforeEach(() => lab.begin());
    after(function () {
      return lab.close(this);
    });

    async function restart(): Promise<void> {
      await lab.stop();
      await lab.start();
    }

    /** Everything was answered once, by a batch, and paid once. */
    async function checkOnce(run: { readonly id: string }): Promise<void> {
      assert.deepEqual(lab.batched.toSorted(), ids);
      assert.deepEqual(lab.direct, []);
      const ledger = await lab.ledger(run.id);
      const spent = ledger.reduce((sum, { cost }) => sum + cost, 0);
      assert.equal(ledger.filter(({ state }) => state === 'settled').length, ids.length);
      assert.deepEqual(await lab.purses(), { reserved: 0, settled: spent });
      assert.deepEqual(Object.keys(await lab.outputs(run.id)), ids);
      assert.equal(spent, ids.length * 70);
    }

    itOnce('before anything was submitted: its successor gathers again', async () => {
      verifies('R9.restart', 'R7.orphan');
      const run = await lab.run('lab.sort', ids);
      await lab.waiting(run, ids.length);
      await restart();
      await lab.submitted();
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
      assert.equal(lab.batches.length, 1);
    });

    it('after the intent, before the provider has it: it is submitted again under another mark', async () => {
      const run = await lab.run('lab.sort', ids);
      lab.server.fail(create[provider], { kind: 'reset', after: 'nothing' });
      await lab.until(() => lab.requests.some((each) => create[provider].test(each)));
      await restart();
      await lab.submitted();
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
      const kinds = await lab.kinds(run.id, 'batch.%');
      assert.deepEqual(kinds.slice(0, 3), ['batch.planned', 'batch.ended', 'batch.planned']);
    });

    it('after the provider has it, before its id is known: it is found', async () => {
      const run = await lab.run('lab.sort', ids);
      lab.server.fail(create[provider], { kind: 'reset', after: 'deed' });
      await lab.until(() => lab.batches.length > 0);
      await restart();
      // One provider's batches show their marks when they have ended, and not before.
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
      assert.equal(lab.batches.length, 1);
    });

    itOnce('while it waits: its successor waits on', async () => {
      const run = await lab.run('lab.sort', ids);
      await lab.submitted();
      await restart();
      await lab.until(() => lab.engine.trouble === null);
      assert.deepEqual(await lab.steps(run.id), ['batch', 'batch', 'batch', 'batch']);
      assert.notEqual((await lab.purses()).reserved, 0);
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
    });

    itOnce(
      'while money is scarce: what it has reserved is there again when it is settled',
      async () => {
        await lab.stop();
        const budgets = { tenantDailyMicroUsd: 6_000 };
        await lab.start({ budgets });
        const run = await lab.run('lab.sort', ids);
        await lab.submitted();
        const { reserved } = await lab.purses();
        assert.ok(reserved > 3 * 3_000 && reserved < 3 * 6_000, `${reserved} in three purses`);
        await lab.stop();
        await lab.start({ budgets });
        lab.server.end();
        assert.equal(await lab.ended(run), 'succeeded');

        const next = await lab.run('lab.sort', ids);
        await lab.submitted(2);
        lab.server.end();
        assert.equal(await lab.ended(next), 'succeeded');
        assert.deepEqual(lab.direct, []);
        // What the others have to spend is not scarce.
        await lab.stop();
      },
    );

    it('in the middle of the results: those that are recorded stay, the rest is read again', async () => {
      const run = await lab.run('lab.sort', ids);
      await lab.submitted();
      lab.server.end();
      const output = lab.batches[0]?.output ?? '';
      const afterBytes = output.indexOf('\n', output.indexOf('\n') + 1) + 20;
      lab.server.fail(content[provider], { kind: 'cut', afterBytes });
      await lab.until(async () => (await lab.kinds(run.id, 'turn.ended')).length > 0);
      await restart();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
      assert.equal((await lab.kinds(run.id, 'turn.ended')).length, ids.length);
    });

    itOnce('is taken over while it lives: results that both read are recorded once', async () => {
      const run = await lab.run('lab.sort', ids);
      await lab.submitted();
      const zombie = await lab.takeOver();
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      await checkOnce(run);
      assert.equal((await lab.kinds(run.id, 'turn.ended')).length, ids.length);
      await zombie.stop();
    });

    it('as its run was cancelled: the batch is cancelled, and costs what it did', async () => {
      const run = await lab.run('lab.sort', ids);
      await lab.submitted();
      await lab.stop();
      // The line that the run is to be cancelled got in; what follows from it did not.
      await lab.pool.query(
        `INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data)
         SELECT $2, run_id, max(seq) + 1, 'run.cancelling', '{"reason":"asked"}' FROM tutti.entry WHERE run_id = $1 GROUP BY run_id`,
        [run.id, lab.tenantId],
      );
      await lab.start();

      assert.equal(await lab.ended(run), 'cancelled');
      await lab.until(() => lab.batches[0]?.state === 'cancelling');
      lab.server.end({ state: 'cancelled', answered: 1 });
      await lab.until(async () => (await lab.purses()).settled === 70);
      assert.equal((await lab.purses()).reserved, 0);
      assert.deepEqual(lab.direct, []);
    });

    itOnce('between two rounds: the conversation goes on', async () => {
      const run = await lab.run('lab.look', ids);
      await lab.submitted(1);
      await restart();
      lab.server.end();
      await lab.submitted(2);
      await restart();
      lab.server.end();

      assert.equal(await lab.ended(run), 'succeeded');
      assert.equal(lab.batched.length, 2 * ids.length);
      assert.deepEqual(lab.direct, []);
      assert.equal((await lab.purses()).reserved, 0);
    });
  });
}
