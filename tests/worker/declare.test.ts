import assert from 'node:assert/strict';
import { labSetup, openLabPool } from '../support/lab-pool.ts';

describe('threads that are to load other modules', () => {
  it('refuse what comes to anything else than the engine has, and work on with what they had', async () => {
    const { pool, jobs } = await openLabPool(2);
    try {
      await assert.rejects(pool.declare({ modules: [], digest: 'of another engine' }), {
        code: 'MODULE_INVALID',
        message: /other declarations than the engine/,
      });
      const absent = { modules: [{ name: 'nowhere', generation: 1 }], digest: labSetup.digest };
      await assert.rejects(pool.declare(absent), { code: 'MODULE_INVALID', message: /nowhere/ });
      await pool.declare({ modules: [], digest: labSetup.digest });
      const [one, other] = [jobs.send('quick', { id: 'a' }), jobs.send('quick', { id: 'b' })];

      assert.deepEqual(
        [(await one.ended).kind, (await other.ended).kind],
        ['succeeded', 'succeeded'],
      );
      assert.equal(pool.health.restarts, 0, 'no thread was given up');
    } finally {
      await pool.stop();
    }
  });

  it('are as good for suspects, whose process begins anew', async () => {
    const { pool, jobs } = await openLabPool(1);
    try {
      const declared = pool.declare({ modules: [], digest: labSetup.digest });
      const suspect = jobs.send('quick', { id: 'c' }, { alone: true });
      await declared;

      assert.equal((await suspect.ended).kind, 'succeeded');
      assert.equal(
        (await jobs.send('quick', { id: 'd' }, { alone: true }).ended).kind,
        'succeeded',
      );
    } finally {
      await pool.stop();
    }
  });
});
