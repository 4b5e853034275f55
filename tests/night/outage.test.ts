import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { generateSample } from '../../core/ports/erp/sample.ts';
import config from '../../tutti.config.ts';
import { openTestEngine, requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { markAll } from '../support/finding-mark.ts';
import { ownServer } from '../support/own-server.ts';
import { verifies } from '../support/verifies.ts';

const samples = await Promise.all(
  config.modules.flatMap(({ sample }) => (sample ? [sample()] : [])),
);

describe('a night whose database crashes again and again', () => {
  it('finds exactly what is planted, fails no step, and is not ready meanwhile', async function () {
    this.timeout(300_000);
    verifies('R8.crash', 'R9.offline');
    await using server = await ownServer();
    const tutti = await openTestEngine(new URL('../../tutti.config.ts', import.meta.url), {
      fresh: { url: server.url, database: server.database, drop: async () => {} },
    });
    try {
      const { tenantId } = await tutti.host.sampleTenant(1);
      const { truth } = generateSample({ samples });
      const { id } = await tutti.engine.startRun(requestOf('nightly', { tenantId }));
      const ended = tutti.engine.whenEnded(id);
      let hasEnded = false;
      void ended.then(() => {
        hasEnded = true;
      });
      let crashes = 0;
      while (crashes < 4 && !hasEnded) {
        // Into the middle of the work: a moment is drawn, nothing is waited for.
        await wait(100 + Math.random() * 300);
        server.crash();
        crashes += 1;
        await eventually(() => tutti.engine.trouble?.code === 'DB_UNAVAILABLE');
        await eventually(() => tutti.engine.trouble === null);
      }

      assert.equal(await ended, 'succeeded');
      assert.ok(crashes >= 2, `${crashes} crashes`);
      const { steps } = await tutti.history.summary(tenantId, id);
      assert.equal(steps.failed + steps.skipped, 0);
      const found = await tutti.history.findings(tenantId, { runId: id });
      assert.deepEqual(markAll(found), markAll(truth));
      assert.equal(tutti.failure, null);
    } finally {
      await tutti.close(this as unknown as Mocha.Context);
    }
  });
});
