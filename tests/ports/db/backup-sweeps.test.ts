import assert from 'node:assert/strict';
import { join } from 'node:path';
import { restoreBackup, writeBackup } from '../../../core/ports/db/backup.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import {
  embeddedConnector,
  insertRows,
  prepareEmbedded,
} from '../../../core/ports/erp/embedded.ts';
import { Sweeps } from '../../../core/service/hooks/sweeps.ts';
import { emptyDatabase, prepare } from '../../support/backup-data.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { horizon } from '../../support/horizon.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';
import { conformanceRows, gadget, order } from '../erp/gadgets.ts';

const entities = [gadget, order];
const tenantId = 7;

describe('sweeps of a restored ERP', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  after(() => folder[Symbol.dispose]());

  it('find what changes there, and nothing that was there before, whatever the numbers of the old server', async () => {
    verifies('R13.backup');
    const path = join(folder.path, 'swept.backup');
    await using source = await emptyDatabase();
    await using target = await emptyDatabase();
    await prepare(source.url, async (client) => {
      await prepareEmbedded(client, entities);
      await client.query(
        `INSERT INTO tutti.tenant (id, slug) OVERRIDING SYSTEM VALUE VALUES (${tenantId}, 'ours')`,
      );
      await client.query(`SET LOCAL ROLE tutti_tenant; SET LOCAL app.tenant = '${tenantId}'`);
      await insertRows(client, { tenantId, entities, rows: conformanceRows() });
      await client.query('SET LOCAL ROLE tutti_engine');
      // One server was younger than the one that it comes to, the other is far ahead of it.
      await client.query(`INSERT INTO tutti.hook_cursor (tenant_id, entity, cursor, previous, due_at)
        VALUES (${tenantId}, 'gadget', '5:0', '4:0', 'epoch'), (${tenantId}, 'order', '900000000000:0', '890000000000:0', 'epoch')`);
    });
    await writeBackup({ url: source.url, dataFolder: '' }, { path, isForced: false, release: '1' });
    await restoreBackup({ url: target.url, dataFolder: '' }, path);

    const database = await openDatabase({ url: target.url, dataFolder: '' });
    try {
      const pool = database.pool('tutti_tenant', 2);
      const connector = embeddedConnector({ pool, tenantId, entities });
      const clock = new FakeClock();
      const found: string[] = [];
      const engine = database.pool('tutti_engine', 2);
      const sweeps = new Sweeps({
        pool: engine,
        tenants: async () => [tenantId],
        entities: ['gadget', 'order'],
        connector: () => connector,
        clock,
        record: async ({ events }) => {
          found.push(...events.map(({ key }) => key));
          return { recorded: events.length, duplicates: 0 };
        },
      });

      await horizon(engine);
      await sweeps.sweepDue();
      const before = found.splice(0);
      await connector.apply(
        { entity: 'gadget', op: 'update', id: '9', data: { count: 1 } },
        { key: 'a' },
      );
      await connector.apply(
        { entity: 'order', op: 'update', id: '1', data: { user: 'u2' } },
        { key: 'b' },
      );
      clock.pass(60_000);
      await horizon(engine);
      await sweeps.sweepDue();

      assert.deepEqual(before, []);
      assert.deepEqual([...new Set(found)].sort(), ['gadget:9@2', 'order:1@2']);
    } finally {
      await database.close();
    }
  });
});
