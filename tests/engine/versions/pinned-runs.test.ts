import assert from 'node:assert/strict';
import { openConfig } from '../../../bin/configuration.ts';
import { askRun } from '../../../core/engine/ask.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/versions.config.ts', import.meta.url);

describe('a run that another release takes up', () => {
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  const runs: Record<string, string> = {};
  let tenantId: number;

  /** As if a release had begun it whose agent `press.say` had another digest. */
  async function begun(what: 'prompt' | 'contract'): Promise<string> {
    const pool = fresh.database.pool('tutti_engine', 1);
    const store = new Store(pool);
    const { registry } = await openConfig({ configUrl: String(config) });
    tenantId = await store.tenant('pinned');
    const request = requestOf('note', { tenantId, input: { word: what } });
    const { id } = await submitRun(store, registry, request);
    await pool.query(
      `UPDATE tutti.run SET pins = jsonb_set(pins, ARRAY['declared', 'agents', 'press.say', $2], '"other"') WHERE id = $1`,
      [id, what],
    );
    await pool.end();
    return id;
  }

  before(async () => {
    fresh = await booksDatabase();
    runs.prompt = await begun('prompt');
    runs.contract = await begun('contract');
    tutti = await openTestEngine(config, { fresh });
  });
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
  });

  const kindsOf = async (runId: string | undefined): Promise<readonly string[]> =>
    (await tutti.history.entries(tenantId, String(runId), 0)).map(({ kind }) => kind);

  const statusOf = (runId: string | undefined) =>
    tutti.host.store.runStatus(tenantId, String(runId));

  it('goes on with another prompt, and one entry says so', async () => {
    verifies('R1.versions');
    await eventually(async () => (await statusOf(runs.prompt)) === 'succeeded');

    const kinds = await kindsOf(runs.prompt);
    assert.equal(kinds.filter((kind) => kind === 'run.repinned').length, 1);
  });

  it('waits for a person with another contract, and goes on when one says so', async () => {
    const runId = String(runs.contract);
    await eventually(async () => (await statusOf(runId)) === 'paused');
    assert.ok(!(await kindsOf(runId)).includes('step.started'));

    const inbox = new Inbox(fresh.database.pool('tutti_engine', 1));
    const actor = { kind: 'person', id: 'anna' } as const;
    await askRun({ store: tutti.host.store, inbox }, { tenantId, runId, kind: 'resume', actor });

    await eventually(async () => (await statusOf(runId)) === 'succeeded');
    const kinds = (await kindsOf(runId)).filter((kind) => kind.startsWith('run.'));
    assert.deepEqual(kinds, ['run.created', 'run.paused', 'run.resumed', 'run.ended']);
  });
});
