import type pg from 'pg';
import { openDatabase } from '../../core/ports/db/database.ts';
import { ensurePartitions } from '../../core/ports/db/partitions.ts';
import { prepareEmbedded } from '../../core/ports/erp/embedded.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { asAdmin, testServer, urlOf } from './postgres.ts';

interface Column {
  readonly name: string;
  readonly type: string;
  /** The first word that a CHECK allows. */
  readonly word: string | null;
}

/** The engine of the old place, and the id of everything else. */
const id = '01980000-0000-7000-8000-000000000001';
/** What COPY, SQL and JSON would each like to read as something else. */
const oddText = 'tab\tline\nreturn\r\\N \\. \\\\ \u0001\u007f \u2028 é 😀 "\'$1,{}; -- /*';

const samples: Readonly<Record<string, string>> = {
  boolean: 'false',
  bytea: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex'),
  'character(3)': 'EUR',
  'character varying(255)': oddText,
  date: '2028-02-29',
  int4range: '[1,3)',
  integer: '3',
  bigint: '9007199254740993',
  smallint: '3',
  json: '{"b":1,"a":[1e-30, null]}',
  jsonb: JSON.stringify({ text: oddText, deep: [null, { '': [] }] }).replace(
    'null',
    '1e-30, 12345678901234567890.5',
  ),
  numeric: '-12345678901234567890.123456789000',
  text: oddText,
  'text[]': `{NULL,"","a,b",${JSON.stringify(oddText.replaceAll(/[\n\r\t]/g, ' '))}}`,
  'timestamp with time zone': '2026-03-29 01:59:59.123456+00',
  uuid: id,
  'uuid[]': `{${id}}`,
};

/** Puts a row into every table, with a value in every column; identities and the feed get numbers that a test knows. `client` is in a transaction. */
export async function fillTables(client: pg.Client): Promise<void> {
  await prepareEmbedded(client, sharedEntities);
  await ensurePartitions(client, new Date('2031-02-01T00:00:00Z'));
  await client.query(
    'ALTER SEQUENCE tutti.inbox_id_seq RESTART 41; ALTER SEQUENCE tutti.tenant_id_seq RESTART 77',
  );
  for (const table of await tablesOf(client)) {
    const { rowCount } = await client.query(`SELECT FROM ${table} LIMIT 1`);
    if (rowCount !== 0) continue;
    const { rows } = await client.query<Column>(columnsSql, [table]);
    const values = rows.map(({ type, word }) => word ?? sampleOf(type));
    const names = rows.map(({ name }) => `"${name}"`);
    const places = rows.map(({ type }, index) =>
      type === 'bytea' ? `decode($${index + 1}, 'hex')` : `$${index + 1}::${type}`,
    );
    await client.query(`INSERT INTO ${table} (${names}) VALUES (${places})`, values);
  }
  await client.query(
    `INSERT INTO tutti.feed (tenant_id, tx, run_id, from_seq, to_seq) SELECT tenant_id, tx - 4000, run_id, 1, 2 FROM tutti.feed;
      UPDATE tutti.run SET ended_at = NULL`,
  );
}

function sampleOf(type: string): string {
  const value = samples[type];
  if (value === undefined) throw new Error(`No sample of the type ${type}`);
  return value;
}

const columnsSql = `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
    (SELECT substring(pg_get_constraintdef(k.oid) FROM '''(\\w+)''') FROM pg_constraint k
      WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS word
  FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attidentity = '' AND a.atttypid <> 'xid8'::regtype ORDER BY a.attnum`;

/** The engines' table first: others refer to it. */
async function tablesOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT t.table_schema || '."' || t.table_name || '"' AS name FROM information_schema.tables t
      WHERE t.table_schema IN ('tutti', 'erp') AND t.table_type = 'BASE TABLE' AND t.table_name <> 'meta'
        AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = (quote_ident(t.table_schema) || '.' || quote_ident(t.table_name))::regclass)
      ORDER BY t.table_name <> 'engine', 1`,
  );
  return rows.map(({ name }) => name);
}

/** Every row of every table as JSON text, without what a restore changes on purpose. `client` is a superuser's. */
export async function contentsOf(
  client: pg.Client,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const contents: Record<string, readonly string[]> = {};
  for (const table of await tablesOf(client)) {
    const { rows } = await client.query<{ row: string }>(
      `SELECT (to_jsonb(t) - $1::text[])::text AS row FROM ${table} t ORDER BY 1`,
      [changedOnPurpose[table] ?? ['change_xid']],
    );
    contents[table] = rows.map(({ row }) => row);
  }
  return contents;
}

const changedOnPurpose: Readonly<Record<string, readonly string[]>> = {
  'tutti."engine"': ['state'],
  'tutti."run"': ['owner'],
  'tutti."feed"': ['tx'],
  'tutti."webhook_place"': ['tx'],
};

let made = 0;

/** A database in which nothing is, on the server of the tests. */
export async function emptyDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const { server } = await testServer();
  made += 1;
  const name = `empty_${made}`;
  await asAdmin(server, `CREATE DATABASE ${name} TEMPLATE template0`);
  return {
    url: urlOf(server, name),
    async [Symbol.asyncDispose]() {
      await asAdmin(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Does something as the owner of the database that `url` names, after bringing its schema up to date. */
export async function prepare(
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const database = await openDatabase({ url, dataFolder: '' });
  await database.admin(work).finally(() => database.close());
}
