import assert from 'node:assert/strict';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { Pool } from '../../worker/pool/pool.ts';
import odd from '../support/fixtures/odd-model.config.ts';
import { heldLease, Jobs, labSetup, until } from '../support/lab-pool.ts';
import { verifies } from '../support/verifies.ts';

const own = { targets: [{ provider: 'own', model: 'own-1' }], choose: 'order' };

describe('what a model of somebody answers', () => {
  let pool: Pool;
  const jobs: Jobs = new Jobs(() => pool);

  before(async () => {
    pool = new Pool({
      setup: {
        ...labSetup,
        configUrl: new URL('../support/fixtures/odd-model.config.ts', import.meta.url).href,
        digest: loadRegistry(odd, sharedEntities).digest,
        profiles: { fast: own, standard: own, deep: own },
      },
      threads: 1,
    });
    await pool.start(jobs, heldLease());
  });
  after(() => pool.stop());

  const ask = (answer: string) => jobs.send('odd.asker', { answer }, { mode: 'model' });

  it('ends its step alone where it cannot be sent: what neighbours say in the same breath is heard', async () => {
    verifies('R8.isolation');
    const [before, asked, after] = ['plain', 'uncloneable', 'plain'].map(ask);

    const ended = await asked?.ended;
    assert.ok(ended?.kind === 'failed', JSON.stringify(ended));
    assert.equal(ended.error.code, 'RESULT_UNCLONABLE');
    assert.match(ended.error.message, /cannot be sent.*could not be cloned/);
    const beside = await Promise.all([before?.ended, after?.ended]);
    assert.deepEqual(new Set(beside.map((each) => each?.kind)), new Set(['succeeded']));
    assert.equal(pool.health.restarts, 0);
  });

  it('gives the thread up where it cannot be read: nobody waits for words that were lost', async () => {
    verifies('R8.isolation', 'R3.health');
    const sent = ['plain', 'nested', 'plain'].map(ask);

    const ends = await Promise.all(sent.map(({ ended }) => ended));

    assert.ok(ends[1]?.kind === 'lost', JSON.stringify(ends[1]));
    assert.match(ends[1].reason, /it said what cannot be read/);
    await until(() => pool.health.ready === 1, 'the lane is replaced');
    assert.equal((await ask('plain').ended).kind, 'succeeded');
  });
});
