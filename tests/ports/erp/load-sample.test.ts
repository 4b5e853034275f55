import * as assert from 'node:assert/strict';
import type pg from 'pg';
import { embeddedConnector, prepareEmbedded } from '../../../core/ports/erp/embedded.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { type LoadedSample, loadSample } from '../../../core/ports/erp/load-sample.ts';
import { memoryConnector } from '../../../core/ports/erp/memory.ts';
import { generateSample } from '../../../core/ports/erp/sample.ts';
import type { Sample } from '../../../core/sdk/sample.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('loadSample', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_tenant', 2);
    await fresh.database.admin((client) => prepareEmbedded(client, sharedEntities));
  });

  after(function () {
    return fresh.drop(this);
  });

  const load = (
    options: Partial<Parameters<typeof loadSample>[0]> & { readonly tenantId: number },
  ): Promise<LoadedSample> =>
    loadSample({ admin: fresh.database.admin, entities: sharedEntities, samples: [], ...options });

  it('brings the company of memory into the database, row for row', async () => {
    const { rows, digest, isNew } = await load({ tenantId: 1 });

    const connector = embeddedConnector({ pool, tenantId: 1, entities: sharedEntities });
    const memory = memoryConnector(sharedEntities, generateSample({ samples: [] }).rows);
    let count = 0;
    for (const { name } of sharedEntities) {
      const query = { entity: name, limit: 5_000 };
      const [stored, made] = [await connector.query(query), await memory.query(query)];
      assert.deepEqual(stored.rows, made.rows, name);
      count += stored.rows.length;
    }
    assert.equal(rows, count);
    assert.ok(isNew);
    assert.match(digest, /^[0-9a-f]{64}$/);
  });

  it('does nothing when the company is there', async () => {
    const first = await load({ tenantId: 2 });

    assert.deepEqual(await load({ tenantId: 2 }), { ...first, isNew: false });
  });

  it('makes the same bytes for another tenant', async () => {
    const [one, other] = [await load({ tenantId: 3 }), await load({ tenantId: 4 })];

    assert.equal(one.digest, other.digest);
    assert.notEqual((await load({ tenantId: 5, seed: 2 })).digest, one.digest);
  });

  it('refuses another company for the same tenant', async () => {
    await load({ tenantId: 6 });

    await assert.rejects(load({ tenantId: 6, seed: 2 }), {
      code: 'INPUT_INVALID',
      message: /Tenant 6 holds the sample company with seed 1, scale 1, as of 2026-06-30/,
    });
  });

  it('leaves nothing behind when it fails half-way', async () => {
    const broken: Sample = (world) => {
      // The last row of the last entity lacks a field, so all others were written before it.
      world.add('journal', { company: 'MCG-DE', code: 'X' } as never);
    };

    await assert.rejects(load({ tenantId: 7, samples: [async () => broken] }), {
      code: 'INPUT_INVALID',
    });

    const connector = embeddedConnector({ pool, tenantId: 7, entities: sharedEntities });
    const { rows } = await connector.query({ entity: 'company', limit: 10 });
    assert.deepEqual(rows, []);
    assert.ok((await load({ tenantId: 7 })).isNew);
  });

  it('loads once when several processes start together', async () => {
    const loaded = await Promise.all([1, 2, 3].map(() => load({ tenantId: 8 })));

    assert.equal(loaded.filter((each) => each.isNew).length, 1);
  });
});
