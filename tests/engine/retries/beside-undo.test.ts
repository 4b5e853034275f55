import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { retryRun } from '../../../core/engine/retry.ts';
import { Undo } from '../../../core/engine/undo/undo.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { scratchFolder } from '../../support/scratch.ts';

const config = new URL('../../support/fixtures/retry.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'anna' } as const;

describe('a retry and an undo of the same moment', function () {
  this.timeout(600_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    fresh = await booksDatabase();
    tutti = await openTestEngine(`${config}?folder=${folder.path}`, { fresh });
    tenantId = await tutti.host.store.tenant('bay');
  });
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  /** A run that has failed in a part, and its retry, which has, too. */
  async function failedTwice(): Promise<{ readonly first: string; readonly second: string }> {
    writeFileSync(join(folder.path, 'b'), '');
    const { id: first } = await tutti.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    const { id: second } = await tutti.engine.retryRun({ tenantId, runId: first, actor });
    assert.equal(await tutti.engine.whenEnded(second), 'partial');
    rmSync(join(folder.path, 'b'));
    return { first, second };
  }

  const parts = () => {
    const { store, registry, connector } = tutti.host;
    const pool = fresh.database.pool('tutti_engine', 1);
    return { pool, store, registry, connector: (tenant: number) => connector(tenant) };
  };

  it('do not both begin where the retry is there while the undo asks the ERP what it can', async () => {
    const { first, second } = await failedTwice();
    const undo = new Undo({
      ...parts(),
      connector: (tenant) => ({
        describe: async () => {
          await tutti.engine.retryRun({ tenantId, runId: second, actor });
          return await tutti.host.connector(tenant).describe();
        },
      }),
    });

    const asked = undo.start({ tenantId, runId: first, actor, reason: 'a wrong truck' });

    await assert.rejects(asked, { code: 'RUN_UNFINISHED' });
  });

  it('do not both begin where the retry is asked for before the undo is there for all to see', async () => {
    const { first, second } = await failedTwice();
    const { store, registry } = tutti.host;
    const { pool } = parts();
    let retry: Promise<unknown> = Promise.resolve();
    const undo = new Undo({
      ...parts(),
      store: {
        publishWorkflow: (...asked) => store.publishWorkflow(...asked),
        createRun: async (...asked) => {
          let isOver = false;
          retry = retryRun({ pool, store, registry }, { tenantId, runId: second, actor });
          const over = () => {
            isOver = true;
          };
          retry.then(over, over);
          await eventually(async () => isOver || (await isWaited()));
          return await store.createRun(...asked);
        },
      },
    });

    await undo.start({ tenantId, runId: first, actor, reason: 'a wrong truck' });

    await assert.rejects(retry, { code: 'RETRY_REFUSED', message: /taken back/ });
  });

  /** Whether somebody waits for a row that somebody else has. */
  async function isWaited(): Promise<boolean> {
    const sql = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return (await fresh.database.admin((client) => client.query(sql))).rowCount !== 0;
  }
});
