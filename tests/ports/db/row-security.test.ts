import assert from 'node:assert/strict';
import { sql } from 'kysely';
import type pg from 'pg';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  /** The first word that a CHECK allows. */
  readonly word: string | null;
}

describe('row-level security', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let tables: readonly string[];

  before(async () => {
    fresh = await freshDatabase();
    const columns = await fresh.database.admin(async (client) => {
      const { rows } = await client.query<Column>(requiredColumns);
      await insertRows(client, rows);
      return rows;
    });
    tables = [...new Set(columns.map((column) => column.table))].filter(
      (table) => table !== 'data_key',
    );
  });
  after(function () {
    return fresh.drop(this);
  });

  it('shows a tenant its own rows of every table that has tenants', async () => {
    verifies('R12.tenancy');
    assert.ok(tables.length >= 29, tables.join(' '));
    for (const tenant of [1, 2]) {
      for (const table of tables) {
        assert.deepEqual(await tenantsSeen(table, tenant), [tenant], table);
      }
    }
  });

  it('shows nothing while no tenant is set, also on a connection that had one', async () => {
    verifies('R12.tenancy');
    const client = await fresh.database.connect('tutti_tenant');
    for (const table of tables) {
      assert.equal((await client.query(`SELECT FROM ${table}`)).rowCount, 0, table);
    }

    await client.query(`BEGIN; SELECT set_config('app.tenant', '1', true); COMMIT`);

    for (const table of tables) {
      assert.equal((await client.query(`SELECT FROM ${table}`)).rowCount, 0, table);
    }
    await client.end();
  });

  it('lets no tenant write a row of another', async () => {
    verifies('R12.tenancy');
    const write = (tenantId: number) =>
      fresh.database.asTenant(1, (transaction) =>
        transaction
          .insertInto('setting')
          .values({ tenantId, name: 'currency', value: '"EUR"', actor: '{}', at: new Date() })
          .execute(),
      );

    await write(1);
    await assert.rejects(write(2), { code: '42501', message: /row-level security/ });
    const changed = await fresh.database.asTenant(2, (transaction) =>
      transaction
        .updateTable('setting')
        .set({ value: '"USD"' })
        .where('tenantId', '=', 1)
        .execute(),
    );
    assert.equal(changed[0]?.numUpdatedRows, 0n);
  });

  it('finds nothing of another tenant in a single round trip either, nor by the connection that had one', async () => {
    verifies('R12.tenancy');
    const whose = sql<{ readonly id: number }>`SELECT DISTINCT tenant_id AS id FROM tutti.setting`;

    const seen = await Promise.all(
      Array.from({ length: 40 }, (_, index) => fresh.database.rowsOf(1 + (index % 3), whose)),
    );

    for (const [index, rows] of seen.entries())
      assert.deepEqual(rows, [[{ id: 1 }], [{ id: 2 }], []][index % 3], String(index));
  });

  it('shows the engine every tenant', async () => {
    const client = await fresh.database.connect('tutti_engine');

    for (const table of tables) {
      const { rows } = await client.query(
        `SELECT DISTINCT tenant_id AS id FROM ${table} ORDER BY 1`,
      );
      assert.deepEqual(
        rows.map((row) => row.id),
        [1, 2],
        table,
      );
    }
    await client.end();
  });

  it('keeps the journal from the tenant side, and history from everybody', async () => {
    for (const table of ['step', 'attempt', 'entry', 'ledger', 'finding', 'feed']) {
      assert.deepEqual(await rights('tutti_tenant', table), ['SELECT'], table);
    }
    for (const table of ['entry', 'attempt', 'audit', 'approval_vote', 'erasure']) {
      assert.deepEqual(await rights('tutti_engine', table), ['INSERT', 'SELECT'], table);
    }
  });

  it('gives nobody a way around it through a partition', async () => {
    const { rows } = await sql<{ name: string }>`SELECT c.relname AS name
      FROM pg_class c CROSS JOIN unnest(ARRAY['tutti_engine', 'tutti_tenant']) AS role
      WHERE c.relispartition AND c.relkind = 'r' AND c.relnamespace = 'tutti'::regnamespace
        AND has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE')`.execute(
      fresh.database.kysely('tutti_engine'),
    );

    assert.deepEqual(rows, []);
  });

  it('keeps the keys of encrypted bodies from every tenant, its own among them', async () => {
    verifies('R12.encryption');
    assert.deepEqual(await rights('tutti_tenant', 'data_key'), []);
  });

  it('shows a tenant itself only', async () => {
    const tenants = [
      { id: 1, slug: 'acme' },
      { id: 2, slug: 'globex' },
    ];
    await fresh.database.kysely('tutti_engine').insertInto('tenant').values(tenants).execute();

    const seen = await fresh.database.asTenant(2, (transaction) =>
      transaction.selectFrom('tenant').select('slug').execute(),
    );
    assert.deepEqual(seen, [{ slug: 'globex' }]);
  });

  it('lets every tenant read what Tutti ships', async () => {
    await fresh.database.kysely('tutti_engine').insertInto('definition').values(shipped).execute();

    const seen = await fresh.database.asTenant(2, (transaction) =>
      transaction.selectFrom('definition').select('tenantId').orderBy('tenantId').execute(),
    );
    assert.deepEqual(seen, [{ tenantId: 0 }, { tenantId: 2 }]);
    await assert.rejects(
      fresh.database.asTenant(2, (transaction) =>
        transaction
          .insertInto('definition')
          .values({ ...shipped, name: 'forged' })
          .execute(),
      ),
      { code: '42501' },
    );
  });

  async function tenantsSeen(table: string, tenant: number): Promise<readonly number[]> {
    return await fresh.database.asTenant(tenant, async (transaction) => {
      const { rows } = await sql<{
        tenantId: number;
      }>`SELECT tenant_id FROM ${sql.table(table)}`.execute(transaction);
      return rows.map((row) => row.tenantId);
    });
  }

  async function rights(role: string, table: string): Promise<readonly string[]> {
    return await fresh.database.admin(async (client) => {
      const { rows } = await client.query<{ right: string }>(
        `SELECT privilege AS right FROM unnest(ARRAY['DELETE', 'INSERT', 'SELECT', 'UPDATE']) AS privilege
          WHERE has_any_column_privilege($1, 'tutti.' || $2, replace(privilege, 'DELETE', 'REFERENCES'))
            OR has_table_privilege($1, 'tutti.' || $2, privilege)`,
        [role, table],
      );
      return rows.map((row) => row.right);
    });
  }
});

const shipped = {
  tenantId: 0,
  kind: 'workflow',
  name: 'nightly',
  version: 1,
  digest: Buffer.of(1),
  body: '{}',
  publishedBy: 'tutti',
} as const;

const requiredColumns = `SELECT c.relname AS table, a.attname AS name, a.atttypid::regtype::text AS type,
    (SELECT substring(pg_get_constraintdef(k.oid) FROM '''(\\w+)''') FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS word
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'tutti'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
    AND (a.attnotnull OR c.relname = 'session' AND a.attname IN ('key_id', 'key_prefix')) AND a.attidentity = ''
    AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id')
  ORDER BY c.relname, a.attnum`;

const samples: Readonly<Record<string, string>> = {
  boolean: 'true',
  bytea: 'uuid_send(gen_random_uuid())',
  date: `'2026-01-01'`,
  json: `'{}'`,
  jsonb: `'{}'`,
  'text[]': `'{}'`,
  'timestamp with time zone': `'2026-01-01'`,
  uuid: `gen_random_uuid()`,
};

/** One row of tenant 1 and one of tenant 2 in every table. */
async function insertRows(client: pg.Client, columns: readonly Column[]): Promise<void> {
  for (const [table, own] of Map.groupBy(columns, (column) => column.table)) {
    for (const tenant of [1, 2]) {
      const values = own.map(({ name, type, word }) => {
        if (name === 'tenant_id') return tenant;
        if (type === 'text') return `'${word ?? `text ${tenant}`}'`;
        if (type.endsWith('[]')) return `'{}'`;
        return samples[type] ?? '1';
      });
      await client.query(
        `INSERT INTO ${table} (${own.map((column) => column.name)}) VALUES (${values})`,
      );
    }
  }
}
