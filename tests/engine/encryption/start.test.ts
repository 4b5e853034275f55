import assert from 'node:assert/strict';
import { Store } from '../../../core/engine/store/store.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { encryptedBy, encryptedConfig, newMasterKey } from '../../support/encrypted.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const lab = new URL('../../support/fixtures/lab.config.ts', import.meta.url);
const request = requestOf('lab.quick', { tenantId: 1, input: { items: [{ id: 'a' }] } });
const missing = { code: 'ENCRYPTION_KEY' };

const [own, other] = [newMasterKey(), newMasterKey()];

describe('an engine over encrypted runs', () => {
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  const start = (config: string, key: string): Promise<TestEngine> =>
    openTestEngine(config, { fresh, env: { [encryptedBy]: key, OTHER: other } });

  it('leaves alone what it has no key for and says so, does not start without, and goes on with it', async () => {
    verifies('R12.encryption');
    const first = await start(encryptedConfig(lab), own);
    assert.equal((await first.run('lab.quick', request)).status, 'succeeded');

    const stored = await storedUnder(fresh.url, first);
    await eventually(async () => first.engine.trouble?.code === missing.code);
    assert.equal(await first.host.store.runStatus(1, stored), 'running');
    await first.close();

    await assert.rejects(start(lab.href, own), missing);
    await assert.rejects(start(encryptedConfig(lab), own), missing);
    const both = await start(encryptedConfig(lab, ['OTHER']), own);
    assert.equal(await both.engine.whenEnded(stored), 'succeeded');
    assert.equal(both.engine.trouble, null);
    await both.close();
  });
});

/** A run that another process has stored under a master key of its own. */
async function storedUnder(url: string, { host }: TestEngine): Promise<string> {
  const encryption = { config: { keyFrom: 'KEY' }, env: { KEY: other } };
  const database = await openDatabase({ url, dataFolder: '', encryption });
  const store = new Store(database.pool('tutti_engine', 1));
  const { id } = await submitRun(store, host.registry, request);
  await database.close();
  return id;
}
