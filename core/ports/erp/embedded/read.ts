import type pg from 'pg';
import { toStorableText } from '../../../base/text.ts';
import { rethrowTranslated } from '../../db/db-error.ts';
import { readInTenant } from '../../db/tenant-reads.ts';
import { type CheckedQuery, cursorAfter } from '../conditions.ts';
import type { ErpRecord, Page } from '../connector.ts';
import { type Statement, selectStatement, statementName } from './select.ts';
import { recordOf, type Table } from './table.ts';

/** Reads one page of a checked query, in one statement. @throws DB_* */
export async function readPage(
  pool: pg.Pool,
  table: Table,
  options: { readonly query: CheckedQuery; readonly tenantId: number },
): Promise<Page> {
  const { query, tenantId } = options;
  const statement = inArrays(selectStatement(table, query, tenantId));
  const found = await readInTenant<unknown[]>(pool, tenantId, statement).catch(rethrowTranslated);
  const rows = found.slice(0, query.limit).map((row) => recordOf(table, row));
  const last = rows.at(-1);
  return { rows, cursor: last && found.length > rows.length ? cursorAfter(query, last) : null };
}

/** Reads one record and keeps others from changing it until the transaction ends. */
export async function lockRecord(
  client: pg.ClientBase,
  table: Table,
  at: { readonly id: string; readonly tenantId: number },
): Promise<ErpRecord | null> {
  const text = `SELECT ${table.selection} FROM ${table.name} WHERE tenant_id = $1 AND id = $2 FOR UPDATE`;
  const values = [at.tenantId, at.id];
  const {
    rows: [row],
  } = await client.query<unknown[]>(inArrays({ name: statementName(text), text, values }));
  return row ? recordOf(table, row) : null;
}

/** A value that may be searched for; what no row can hold is found in none. */
function storable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(storable);
  return typeof value === 'string' ? toStorableText(value) : value;
}

/** The statement with each row as an array, which costs less than an object. */
function inArrays({ name, text, values }: Statement): pg.QueryArrayConfig {
  return { name, text, values: values.map(storable), rowMode: 'array' };
}
