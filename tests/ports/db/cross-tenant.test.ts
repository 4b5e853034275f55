import assert from 'node:assert/strict';
import type pg from 'pg';
import { checkTenancy } from '../../../core/ports/db/tenancy.ts';
import { prepareEmbedded } from '../../../core/ports/erp/embedded/prepare.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

interface Guarded {
  /** `tutti.run` */
  readonly name: string;
  /** The column that says whose a row is. */
  readonly own: string;
}

const [mine, other] = [101, 102];

// From the catalogue, and not from a list: no table can be forgotten, also none of the embedded ERP.
const guardedTables = `
  SELECT c.oid::regclass::text AS name, CASE WHEN c.oid = 'tutti.tenant'::regclass THEN 'id' ELSE 'tenant_id' END AS own
  FROM pg_class c
  WHERE c.relnamespace::regnamespace::text IN ('tutti', 'erp') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND (c.oid = 'tutti.tenant'::regclass OR EXISTS
      (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
  ORDER BY 1`;

describe('the rows of another tenant', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let tables: readonly Guarded[];
  let client: pg.Client;

  before(async () => {
    fresh = await freshDatabase();
    const { database } = fresh;
    await database.admin((admin) => prepareEmbedded(admin, sharedEntities));
    tables = await database.admin(async (admin) => {
      const { rows } = await admin.query<Guarded>(guardedTables);
      await fill(admin, rows);
      return rows;
    });
    client = await database.connect('tutti_tenant');
  });
  after(async function () {
    await client?.end();
    await fresh.drop(this);
  });

  /** Rows that a statement saw or changed as a tenant; 0 where it may not do that at all. It leaves nothing behind. */
  async function touched(tenant: number, statement: string): Promise<number> {
    await client.query('BEGIN');
    try {
      await client.query(`SELECT set_config('app.tenant', $1, true)`, [String(tenant)]);
      return (await client.query(statement)).rowCount ?? 0;
    } catch (error) {
      // insufficient_privilege: of a right, of row-level security, or of a trigger that keeps history.
      assert.equal((error as { readonly code: string }).code, '42501', `${statement}: ${error}`);
      return 0;
    } finally {
      await client.query('ROLLBACK');
    }
  }

  /** One statement of each kind that would touch rows of `of`. */
  function statements({ name, own }: Guarded, of: number, as: number): readonly string[] {
    const theirs = `${name} WHERE ${own} = ${of}`;
    return [
      `SELECT ${own} FROM ${theirs}`,
      `SELECT count(*) FROM ${theirs} HAVING count(*) > 0`,
      `UPDATE ${name} SET ${own} = ${own} WHERE ${own} = ${of}`,
      `UPDATE ${name} SET ${own} = ${of} WHERE ${own} = ${as}`,
      `DELETE FROM ${theirs}`,
      `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(NULL::${name}, to_jsonb(t) || '{"${own}": ${of}}')).*
       FROM ${name} t WHERE ${own} = ${as} LIMIT 1`,
    ];
  }

  async function crossed(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const table of tables)
      for (const [as, of] of [
        [mine, other],
        [other, mine],
      ] as const)
        for (const statement of statements(table, of, as)) {
          const rows = await touched(as, statement);
          if (rows !== 0) found.push(`${rows} as ${as}: ${statement}`);
        }
    return found;
  }

  it('are out of reach of every statement on every table, with the rights that a tenant has', async () => {
    verifies('R12.tenancy');
    assert.ok(tables.length >= 45, `${tables.length} tables`);
    assert.deepEqual(await crossed(), []);
    let seen = 0;
    for (const { name, own } of tables)
      seen += await touched(mine, `SELECT ${own} FROM ${name} WHERE ${own} = ${mine}`);
    // Data keys are the engine's alone: a tenant sees not even its own.
    const shown = tables.filter(({ name }) => !name.endsWith('data_key'));
    assert.equal(shown.length, tables.length - 1);
    assert.ok(seen >= shown.length, `${seen} own rows in ${shown.length} tables`);
  });

  it('are so by the policies alone, whatever rights a tenant had', async () => {
    verifies('R12.tenancy');
    const all = (word: 'GRANT' | 'REVOKE', to: 'TO' | 'FROM') =>
      ['tutti', 'erp']
        .map((schema) => `${word} ALL ON ALL TABLES IN SCHEMA ${schema} ${to} tutti_tenant`)
        .join(';');
    await fresh.database.admin((admin) => admin.query(all('GRANT', 'TO')));
    // Partitions are reached through their tables alone.
    await fresh.database.admin(async (admin) => {
      const { rows } = await admin.query<{ name: string }>(
        'SELECT oid::regclass::text AS name FROM pg_class WHERE relispartition AND relkind = $$r$$',
      );
      for (const { name } of rows) await admin.query(`REVOKE ALL ON ${name} FROM tutti_tenant`);
    });

    assert.deepEqual(await crossed(), []);
    const own = await touched(mine, `UPDATE tutti.run SET priority = 1 WHERE tenant_id = ${mine}`);
    assert.equal(own, 1);
  });

  it('are behind no view and no function that would look with the rights of its owner', async () => {
    verifies('R12.tenancy');
    const doors = await fresh.database.admin(async (admin) => {
      const { rows } = await admin.query<{ name: string }>(`
        SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('tutti', 'erp')
          AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT 'security_invoker=true' = ANY (coalesce(c.reloptions, '{}')))
        UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('tutti', 'erp') AND p.prosecdef`);
      return rows;
    });
    assert.deepEqual(doors, []);
  });

  it('are not reached by a function that takes the number of a tenant', async () => {
    const none = `'{}'`;
    const call = `SELECT tutti.append_audit(${other}, ${none}, '"a"', '"b"', ${none})`;
    assert.equal(await touched(mine, call), 0);
    // A chain of its own, which has no row yet.
    assert.equal(await touched(103, call.replace(String(other), '103')), 1);
  });
});

describe('a database in which tenants would not be kept apart', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  before(async () => {
    fresh = await freshDatabase();
    await fresh.database.admin((admin) => prepareEmbedded(admin, sharedEntities));
  });
  after(function () {
    return fresh.drop(this);
  });

  /** What opening says after a change; the change is rolled back. Roles are the whole server's, so nothing of it is ever committed. */
  const opened = (change: string) =>
    fresh.database.admin(async (client) => {
      await client.query('SAVEPOINT change');
      await client.query(change);
      const said = await checkTenancy(client).then(
        () => null,
        (error: { readonly code: string; readonly message: string }) => error,
      );
      await client.query('ROLLBACK TO SAVEPOINT change');
      return said;
    });

  it('is refused, whatever of it was changed', async () => {
    verifies('R12.tenancy');
    const changes: readonly (readonly [string, RegExp])[] = [
      ['ALTER ROLE tutti_tenant BYPASSRLS', /the role tutti_tenant may see/],
      ['ALTER ROLE tutti_tenant SUPERUSER', /the role tutti_tenant may see/],
      ['ALTER ROLE tutti_engine BYPASSRLS', /the role tutti_engine may see/],
      ['GRANT tutti_engine TO tutti_tenant', /may act as tutti_engine/],
      [
        'GRANT CREATE ON SCHEMA tutti TO tutti_tenant; ALTER TABLE tutti.run OWNER TO tutti_tenant',
        /tutti\.run belongs/,
      ],
      ['ALTER TABLE tutti.run DISABLE ROW LEVEL SECURITY', /off or not forced on tutti\.run;/],
      ['ALTER TABLE erp.command NO FORCE ROW LEVEL SECURITY', /off or not forced on erp\.command;/],
      [
        'ALTER TABLE tutti.tenant NO FORCE ROW LEVEL SECURITY',
        /off or not forced on tutti\.tenant;/,
      ],
      ['CREATE TABLE tutti.more (tenant_id int)', /off or not forced on tutti\.more;/],
      ['DROP POLICY tenant ON tutti.payload', /policies of tutti\.payload/],
      ['CREATE POLICY more ON tutti.payload USING (true)', /policies of tutti\.payload/],
      [
        'CREATE POLICY shipped ON tutti.payload TO tutti_tenant USING (true)',
        /policies of tutti\.payload/,
      ],
      ['ALTER POLICY tenant ON tutti.audit USING (true)', /policies of tutti\.audit/],
      ['ALTER POLICY tenant ON tutti.audit WITH CHECK (true)', /policies of tutti\.audit/],
    ];
    assert.equal(await opened('SELECT 1'), null);
    for (const [change, message] of changes) {
      const said = await opened(change);
      assert.equal(said?.code, 'CONFIG_INVALID', `${change}: ${said?.message}`);
      assert.match(said?.message ?? '', message);
    }
  });
});

/** One row of each tenant in every table, of whatever its columns take. */
async function fill(client: pg.ClientBase, tables: readonly Guarded[]): Promise<void> {
  for (const { name, own } of tables) {
    const { rows } = await client.query<{ name: string; type: string; word: string | null }>(
      `SELECT a.attname AS name, a.atttypid::regtype::text AS type,
         (SELECT substring(pg_get_constraintdef(k.oid) FROM '''([\\w-]+)''') FROM pg_constraint k
          WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS word
       FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> 'a'
         AND (a.attnotnull OR a.attrelid = 'tutti.session'::regclass AND a.attname IN ('key_id', 'key_prefix'))`,
      [name],
    );
    for (const tenant of [mine, other]) {
      const values = rows.map((column) =>
        column.name === own ? tenant : sampleOf(column, tenant),
      );
      const columns = rows.map((column) => `"${column.name}"`);
      await client.query(`INSERT INTO ${name} (${columns}) VALUES (${values})`);
    }
  }
}

function sampleOf({ type, word }: { type: string; word: string | null }, tenant: number): string {
  if (type === 'text') return `'${word ?? `text ${tenant}`}'`;
  if (type.endsWith('[]')) return `'{}'`;
  return samples[type] ?? '1';
}

const samples: Readonly<Record<string, string>> = {
  character: `'EUR'`,
  boolean: 'true',
  bytea: 'uuid_send(gen_random_uuid())',
  date: `'2026-01-01'`,
  json: `'{}'`,
  jsonb: `'{}'`,
  'timestamp with time zone': `'2026-01-01'`,
  uuid: 'gen_random_uuid()',
  xid8: `'1'`,
};
