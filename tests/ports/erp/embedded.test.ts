import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import type pg from 'pg';
import { inTenantTransaction } from '../../../core/ports/erp/embedded/transaction.ts';
import {
  embeddedConnector,
  insertRows,
  prepareEmbedded,
} from '../../../core/ports/erp/embedded.ts';
import { type AnyEntity, defineEntity, field } from '../../../core/sdk/entity.ts';
import { horizon } from '../../support/horizon.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { describeConnector } from './connector-conformance.ts';
import { conformanceRows, gadget, order } from './gadgets.ts';

const entities = [gadget, order];

describe('embedded ERP', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let tenants = 0;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_tenant', 4);
    await prepare(entities);
  });

  after(function () {
    return fresh.drop(this);
  });

  const prepare = (declared: readonly AnyEntity[]): Promise<void> =>
    fresh.database.admin((client) => prepareEmbedded(client, declared));

  /** A tenant with the suite's rows, which are no changes for whoever looks from now on. */
  const newTenant = async (): Promise<number> => {
    tenants += 1;
    const tenantId = tenants;
    const client = await pool.connect();
    await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`);
    await insertRows(client, { tenantId, entities, rows: conformanceRows() });
    await client.query('COMMIT');
    client.release();
    await horizon(pool);
    return tenantId;
  };

  describeConnector('embedded', async () =>
    embeddedConnector({ pool, entities, tenantId: await newTenant() }),
  );

  describe('row-level security', () => {
    it('hides the rows of another tenant, whatever a statement asks for', async () => {
      verifies('R12.tenancy');
      const [mine, other] = [await newTenant(), await newTenant()];

      const client = await pool.connect();
      try {
        await client.query(`BEGIN; SET LOCAL app.tenant = '${mine}'`);
        const { rows } = await client.query('SELECT DISTINCT tenant_id FROM erp.gadget');
        const stolen = await client.query(
          'UPDATE erp.gadget SET version = 9 WHERE tenant_id = $1',
          [other],
        );
        await assert.rejects(
          client.query('INSERT INTO erp."order" (tenant_id, id, "user") VALUES ($1, $2, $3)', [
            other,
            'x',
            'u',
          ]),
          { code: '42501' },
        );

        assert.deepEqual(rows, [{ tenant_id: mine }]);
        assert.equal(stolen.rowCount, 0);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    });

    it('leaves no tenant behind on a connection', async () => {
      const connector = embeddedConnector({ pool, entities, tenantId: await newTenant() });
      await connector.query({ entity: 'gadget', limit: 1 });

      const seen = await Promise.all(
        Array.from({ length: 4 }, () => pool.query('SELECT count(*)::int AS rows FROM erp.gadget')),
      );

      assert.deepEqual(
        seen.flatMap((result) => result.rows),
        Array(4).fill({ rows: 0 }),
      );
    });

    it('writes to the own tenant only', async () => {
      const [mine, other] = [await newTenant(), await newTenant()];
      const update = { entity: 'order', op: 'update', id: '1', data: { user: 'mine' } } as const;

      await embeddedConnector({ pool, entities, tenantId: mine }).apply(update, {
        key: 'same key',
      });

      const theirs = embeddedConnector({ pool, entities, tenantId: other });
      const { rows } = await theirs.query({ entity: 'order', limit: 1 });
      assert.equal(rows[0]?.user, 'u1');
      assert.equal((await theirs.apply(update, { key: 'same key' })).kind, 'applied');
    });
  });

  describe('a command that stands still', () => {
    const leaseMs = 15_000;
    const options = { tenantId: 1, mode: 'READ WRITE' } as const;

    it('is ended before the lease of its engine is, so that its locks keep nobody', async () => {
      verifies('R9.take-over');
      const limit = await inTenantTransaction(pool, options, async (client) => {
        const { rows } = await client.query<{ ms: number }>(
          `SELECT setting::int AS ms FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'`,
        );
        return rows[0]?.ms ?? 0;
      });

      assert.ok(limit > 0 && limit < leaseMs, `${limit} ms`);
    });

    it('fails its own call and nothing else when the server ends it', async () => {
      const cutOff = inTenantTransaction(pool, options, async (client) => {
        const ended = once(client, 'end');
        await client.query('SET LOCAL idle_in_transaction_session_timeout = 20');
        await ended;
      });

      await assert.rejects(cutOff, { code: 'DB_UNAVAILABLE' });
      assert.equal(await inTenantTransaction(pool, options, async () => 'next'), 'next');
    });
  });

  describe('changes', () => {
    it('does not pass a transaction that is still open', async () => {
      const tenantId = await newTenant();
      const connector = embeddedConnector({ pool, entities, tenantId });
      const { cursor } = await connector.changes(null, { entities: ['gadget'] });
      const slow = await pool.connect();
      await slow.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`);
      await slow.query(`UPDATE erp.gadget SET version = 2, change_xid = pg_current_xact_id(),
        change_seq = nextval('erp.change_seq') WHERE id = '2'`);
      await connector.apply(
        { entity: 'gadget', op: 'update', id: '9', data: { count: 1 } },
        { key: 'quick' },
      );

      const during = await connector.changes(cursor, { entities: ['gadget'] });
      await slow.query('COMMIT');
      slow.release();
      await horizon(pool);
      const later = await connector.changes(during.cursor, { entities: ['gadget'] });

      const seen = [...during.events, ...later.events].map((event) => event.id);
      assert.deepEqual(seen.sort(), ['2', '9']);
    });
  });

  describe('prepareEmbedded', () => {
    const versionOne = defineEntity('bolt', { code: field.code(), size: field.decimal() });

    it('adds the column of a new field and keeps the rows', async () => {
      await prepare([versionOne]);
      const before = embeddedConnector({ pool, entities: [versionOne], tenantId: 900 });
      await before.apply(
        { entity: 'bolt', op: 'create', data: { code: 'm8', size: '8' } },
        { key: 'b' },
      );
      const versionTwo = defineEntity('bolt', {
        ...versionOne.fields,
        coating: field.optional(field.money()),
      });

      await prepare([versionTwo]);
      await prepare([versionTwo]);

      const after = embeddedConnector({ pool, entities: [versionTwo], tenantId: 900 });
      const { rows } = await after.query({ entity: 'bolt', limit: 2 });
      assert.deepEqual(
        rows.map((row) => [row.code, row.size, row.coating]),
        [['m8', '8', null]],
      );
    });

    const refused: readonly (readonly [what: string, entity: AnyEntity, message: RegExp])[] = [
      ['went away', defineEntity('nut', { code: field.code() }), /'size' of 'nut' is no longer/],
      [
        'changed its type',
        defineEntity('nut', { code: field.code(), size: field.date() }),
        /'size' of 'nut' was numeric and is now date/,
      ],
      [
        'is new and required while there are rows',
        defineEntity('nut', { code: field.code(), size: field.decimal(), day: field.date() }),
        /'day' of 'nut' is new and required/,
      ],
    ];
    for (const [what, entity, message] of refused) {
      it(`refuses a field that ${what}`, async () => {
        verifies('R12.module-check');
        const nut = defineEntity('nut', { code: field.code(), size: field.decimal() });
        await prepare([nut]);
        await embeddedConnector({ pool, entities: [nut], tenantId: 901 }).apply(
          { entity: 'nut', op: 'create', data: { code: 'm8', size: '8' } },
          { key: what },
        );

        await assert.rejects(prepare([entity]), { code: 'MODULE_INVALID', message });
      });
    }

    it('refuses names that SQL could take for something else', async () => {
      for (const entity of [
        defineEntity('command', {}),
        defineEntity('x"; DROP TABLE y', {}),
        defineEntity('twice', { totalAmount: field.code(), total: field.money() }),
        defineEntity('own', { updatedAt: field.instant() }),
        defineEntity('odd', { 'a b': field.code() }),
      ]) {
        await assert.rejects(prepare([entity]), { code: 'MODULE_INVALID' });
      }
    });
  });
});
