import type pg from 'pg';
import { EngineError } from '../../../base/errors.ts';
import { digest } from '../../../base/ids.ts';
import type { AnyEntity } from '../../../sdk/entity.ts';
import { translateDbError } from '../../db/db-error.ts';
import { entitiesByName } from '../writes.ts';
import { type Column, quoted, type Table, tableOf } from './table.ts';

/**
 * Gives every entity its table, and every field that came since its column. `client` is the login user's, inside a
 * transaction that changes the schema (`Database.admin`). Costs one query when nothing is new.
 * @throws MODULE_INVALID for a field that went away, changed its type or is new and required while there are rows
 */
export async function prepareEmbedded(
  client: pg.ClientBase,
  entities: readonly AnyEntity[],
): Promise<void> {
  const tables = [...entitiesByName(entities).values()].map(tableOf);
  try {
    const known = await readRegistry(client);
    for (const table of tables) {
      const shape = shapeOf(table);
      const before = known.get(table.entity.name);
      if (before?.digest.equals(digest(shape))) continue;
      if (before) await alterTable(client, { table, before: before.shape });
      else await createEntityTable(client, storedOf(table));
      await register(client, table.entity.name, shape);
    }
  } catch (error) {
    throw translateDbError(error);
  }
}

/** What is stored of an entity's declaration: each column's type and whether it may be null. */
type Shape = Readonly<Record<string, { readonly type: string; readonly nullable: boolean }>>;

function shapeOf(table: Table): Shape {
  return Object.fromEntries(
    columnsOf(table).map(({ name, type, nullable }) => [name, { type, nullable }]),
  );
}

function columnsOf(table: Table): readonly Column[] {
  return table.fields.flatMap((field) => field.columns);
}

async function readRegistry(
  client: pg.ClientBase,
): Promise<ReadonlyMap<string, { readonly digest: Buffer; readonly shape: Shape }>> {
  const { rows: found } = await client.query(`SELECT to_regclass('erp.entity') AS registry`);
  if (found[0]?.registry === null) await client.query(bookkeeping);
  const { rows } = await client.query<{ name: string; digest: Buffer; shape: Shape }>(
    'SELECT name, digest, shape FROM erp.entity',
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function register(client: pg.ClientBase, name: string, shape: Shape): Promise<void> {
  await client.query(
    `INSERT INTO erp.entity (name, digest, shape) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, shape = excluded.shape`,
    [name, digest(shape), JSON.stringify(shape)],
  );
}

// Beside the entities' tables: which shape they have, what each command did (exactly once: the row commits with the
// write), and which sample company a tenant holds. New ids start above those of every sample.
const bookkeeping = `
  CREATE TABLE erp.entity (name text PRIMARY KEY, digest bytea NOT NULL, shape jsonb NOT NULL);
  CREATE TABLE erp.command (
    tenant_id int NOT NULL, key text COLLATE "C" NOT NULL, outcome jsonb,
    at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, key));
  CREATE TABLE erp.company_sample (
    tenant_id int PRIMARY KEY, seed bigint NOT NULL, scale int NOT NULL, as_of date NOT NULL,
    row_count int NOT NULL, digest bytea NOT NULL, at timestamptz NOT NULL DEFAULT now());
  CREATE SEQUENCE erp.record_id START 50000001;
  CREATE SEQUENCE erp.change_seq;
  SELECT tutti.protect('erp.command'), tutti.protect('erp.company_sample');
  GRANT SELECT, INSERT, UPDATE ON erp.command TO tutti_tenant;
  GRANT SELECT, INSERT ON erp.company_sample TO tutti_tenant;
  GRANT USAGE ON SEQUENCE erp.record_id, erp.change_seq TO tutti_tenant;`;

/** An entity as a database has it, without the module that declares it: what its table is made from. */
export interface StoredEntity {
  readonly name: string;
  readonly shape: Shape;
  /** Columns by which records are looked up. */
  readonly indexed: readonly string[];
}

function storedOf(table: Table): StoredEntity {
  return { name: table.entity.name, shape: shapeOf(table), indexed: indexedColumns(table) };
}

/** Makes the table of an entity, empty. Names and types go into the statement, so the caller has checked them. */
export async function createEntityTable(
  client: pg.ClientBase,
  { name, shape, indexed }: StoredEntity,
): Promise<void> {
  const table = `erp.${quoted(name)}`;
  const columns = Object.entries(shape).map(
    ([column, { type, nullable }]) => `, ${quoted(column)} ${type}${nullable ? '' : ' NOT NULL'}`,
  );
  await client.query(`
    CREATE TABLE ${table} (
      tenant_id int NOT NULL, id text COLLATE "C" NOT NULL, version int NOT NULL DEFAULT 1,
      change_seq bigint NOT NULL DEFAULT nextval('erp.change_seq'),
      change_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
      updated_at timestamptz NOT NULL DEFAULT now()${columns.join('')},
      PRIMARY KEY (tenant_id, id));
    CREATE INDEX ON ${table} (tenant_id, change_xid, change_seq);
    SELECT tutti.protect('${table}');
    GRANT SELECT, INSERT, UPDATE ON ${table} TO tutti_tenant;
    ${indexes(table, indexed)}`);
}

function indexes(table: string, columns: readonly string[]): string {
  return columns
    .map((column) => `CREATE INDEX ON ${table} (tenant_id, ${quoted(column)});`)
    .join('\n');
}

/** By what records are looked up: what they refer to, their company, state, number and day. */
function indexedColumns(table: Table): readonly string[] {
  const names = new Set(['company', 'status', 'number', 'date']);
  return table.fields
    .filter(({ name, field }) => field.kind === 'ref' || names.has(name))
    .flatMap(({ columns }) => columns.slice(0, 1))
    .map((column) => column.name);
}

async function alterTable(
  client: pg.ClientBase,
  change: { readonly table: Table; readonly before: Shape },
): Promise<void> {
  const { table, before } = change;
  const now = shapeOf(table);
  const { name } = table.entity;
  for (const column of Object.keys(before)) {
    if (!now[column]) throw refusal(name, column, 'is no longer declared');
  }
  for (const [column, { type, nullable }] of Object.entries(now)) {
    const old = before[column];
    if (!old) await addColumn(client, table, column);
    else if (old.type !== type) throw refusal(name, column, `was ${old.type} and is now ${type}`);
    else if (old.nullable && !nullable)
      throw refusal(name, column, 'was optional and is now required');
    else if (!old.nullable && nullable) {
      await client.query(`ALTER TABLE ${table.name} ALTER COLUMN ${quoted(column)} DROP NOT NULL`);
    }
  }
  const added = indexedColumns(table).filter((column) => !before[column]);
  await client.query(indexes(table.name, added));
}

async function addColumn(client: pg.ClientBase, table: Table, name: string): Promise<void> {
  const column = columnsOf(table).find((each) => each.name === name) as Column;
  const required = column.nullable ? '' : ' NOT NULL';
  try {
    await client.query(
      `ALTER TABLE ${table.name} ADD COLUMN ${quoted(name)} ${column.type}${required}`,
    );
  } catch (error) {
    // 23502: the rows that are there would have no value.
    if ((error as { readonly code?: string }).code !== '23502') throw error;
    throw refusal(
      table.entity.name,
      name,
      'is new and required while there are rows; declare it optional',
    );
  }
}

function refusal(entity: string, column: string, problem: string): EngineError {
  return new EngineError(
    'MODULE_INVALID',
    `The column '${column}' of '${entity}' ${problem}; the embedded ERP keeps its data as it is: declare the field as before, or a new one under another name.`,
  );
}
