import assert from 'node:assert/strict';
import { openTestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

describe('the example of agents as tools', function () {
  this.timeout(120_000);

  it('asks two specialists in runs of their own and decides by their answers', async function () {
    verifies('R14.examples', 'R5.tool-delegation');
    const tutti = await openTestEngine(new URL('../../examples/delegation.ts', import.meta.url));
    try {
      const tenantId = await tutti.host.store.tenant('purchasing');
      const { id, status } = await tutti.run('delegation', { tenantId });

      assert.equal(status, 'succeeded');
      assert.deepEqual(await tutti.history.output(tenantId, id), {
        vendor: 'V-23',
        because: 'It is urgent, and V-23 delivers in 2 days.',
      });
      const { started, startedBy } = await tutti.history.detail(tenantId, id);
      assert.equal(startedBy, null);
      const asked = await Promise.all(
        started.map(async (run) => {
          const { startedBy, workflow } = await tutti.history.detail(tenantId, run);
          assert.deepEqual([startedBy, workflow], [id, 'tutti:delegation']);
          const [step] = await tutti.history.steps(tenantId, run);
          return step?.agent;
        }),
      );
      assert.deepEqual(asked, ['purchasing.price_clerk', 'purchasing.delivery_clerk']);
    } finally {
      await tutti.close(this);
    }
  });
});
