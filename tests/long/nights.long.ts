import assert from 'node:assert/strict';
import { encryptedBy, encryptedConfig, newMasterKey } from '../support/encrypted.ts';
import { openTestEngine } from '../support/engine.ts';
import { markAll } from '../support/finding-mark.ts';
import { personalWords } from '../support/personal-words.ts';
import { leftBy, UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';

const shipped = new URL('../../tutti.config.ts', import.meta.url);

/** `tests/night/truth.test.ts` does the same with a few units of each agent. */
describe('two whole nights over the sample company, one after the other', function () {
  this.timeout(600_000);

  for (const what of ['as they are', 'encrypted'])
    it(`find the same, the second all of it as known, and double no proposal: ${what}`, async () => {
      verifies('R12.encryption');
      const isSealed = what === 'encrypted';
      const config = isSealed ? encryptedConfig(shipped) : shipped;
      const env = isSealed ? { [encryptedBy]: newMasterKey() } : {};
      const tutti = await openTestEngine(config, { hasCompany: true, env });
      try {
        const { tenantId } = await tutti.host.sampleTenant(1);
        const nightly = async () => {
          const { id, status } = await tutti.run('nightly', { tenantId });
          assert.equal(status, 'succeeded');
          const found = await tutti.history.findings(tenantId, { runId: id });
          const open = await tutti.history.proposals(tenantId);
          return { found, open: open.map(({ key }) => key) };
        };

        const [first, second] = [await nightly(), await nightly()];

        assert.ok(first.found.length > 150 && first.open.length > 0);
        assert.deepEqual(markAll(second.found), markAll(first.found));
        assert.ok(first.found.every(({ known }) => !known));
        assert.ok(second.found.every(({ known }) => known));
        assert.deepEqual(second.open, first.open);
        const words = await personalWords(tutti.fresh.database);
        assert.ok(isSealed ? words.length === 0 : words.length > 20, `${words.length} names`);
      } finally {
        await tutti.close();
      }
    });
});

/** `tests/night/undo.test.ts` does the same with a few units of each agent. */
describe('a whole night whose agents may do what their tools can', function () {
  this.timeout(600_000);

  it('is taken back: every balance, stock and open item is as before', async () => {
    verifies('R8.undo', 'R3.erp-modules');
    const lab = await UndoLab.open({ company: true });
    try {
      const before = await lab.books();
      const { id, status } = await lab.engine.run('nightly', { tenantId: lab.tenantId });
      assert.equal(status, 'succeeded');
      assert.notDeepEqual(await lab.books(), before);

      const view = await lab.takeBack(id);

      assert.ok(view.total > 200, view.summary);
      assert.equal(view.summary, `${view.total} effects undone`);
      assert.deepEqual(leftBy(view), []);
      assert.deepEqual(await lab.books(), before);
    } finally {
      await lab.engine.close();
    }
  });
});
