import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import { applyRetention } from '../../../core/engine/retention/apply.ts';
import { placeHold } from '../../../core/engine/retention/hold.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { type EmbeddedServer, openEmbedded } from '../../../core/ports/db/embedded.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { verifies } from '../../support/verifies.ts';

// Row-level security binds the owner of the tables, too, unless it is a superuser, as on the embedded server.
describe('retention as an owner who is no superuser', function () {
  this.timeout(180_000);
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'tutti-owner-'));
  let server: EmbeddedServer;

  before(async () => {
    server = await openEmbedded({ dataFolder, transport: 'tcp' });
    const admin = new pg.Client({ ...server.connection, database: 'postgres' });
    await admin.connect();
    await admin.query(`CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'secret'`);
    await admin.query('CREATE DATABASE keeper OWNER keeper');
    await admin.end();
  });
  after(async () => {
    await server.leave();
    rmSync(dataFolder, { recursive: true });
  });

  it('sees runs and holds as the engine does, and drops as the owner', async () => {
    verifies('R13.managed-database');
    const url = `postgresql://keeper:secret@127.0.0.1:${server.connection.port}/keeper`;
    const database = await openDatabase({ url, dataFolder });
    await database.ensurePartitions(new Date('2020-01-15'));
    const past = new Past(database);
    const gone = await past.plant({ at: new Date('2020-01-10') });
    const runId = await past.plant({ at: new Date('2020-01-11') });
    const open = await past.plant({ at: new Date('2020-02-11'), endedAt: null });
    const actor = { kind: 'person', id: 'tester' } as const;
    await placeHold(database, { tenantId: 1, runId, reason: 'case 7', actor });

    const policy = retentionPolicy({ journalDays: 365 });
    const first = await applyRetention(database, policy, { now: new Date('2022-01-01') });
    const second = await applyRetention(database, policy, { now: new Date('2022-01-01') });

    const january = first.dropped.filter((partition) => partition.endsWith('_y2020m01'));
    assert.deepEqual([first.runs, january.length], [1, 4]);
    assert.deepEqual([second.runs, second.dropped, second.swept], [0, [], 0]);
    assert.equal((await past.rowsOf(gone)).entry, 0);
    for (const id of [runId, open]) {
      const { run, entry, payload, step } = await past.rowsOf(id);
      assert.deepEqual([run, entry, payload, step], [1, 7, 7, 2]);
    }
    await database.close();
  });
});
