import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { AnyEntity } from '../../../sdk/entity.ts';
import type { ErpRecord } from '../connector.ts';
import { completeRow, entitiesByName, entityNamed } from '../writes.ts';
import { columnValues, quoted, type Table, tableOf } from './table.ts';

/** What was written: how many rows, and SHA-256 over them in order. */
export interface Inserted {
  readonly rows: number;
  readonly sha256: Buffer;
}

/** Rows a statement. Measured: from 500 to 5,000 the load takes the same time, and memory stays small. */
const statementRows = 2_000;

/**
 * Writes new records in bulk, in the order given, on a transaction whose role and tenant the caller has set.
 * @throws INPUT_INVALID for a row that its entity does not declare
 */
export async function insertRows(
  client: pg.ClientBase,
  options: {
    readonly tenantId: number;
    readonly entities: readonly AnyEntity[];
    readonly rows: ReadonlyMap<string, readonly object[]>;
  },
): Promise<Inserted> {
  const byName = entitiesByName(options.entities);
  const hash = createHash('sha256');
  let count = 0;
  for (const [name, rows] of options.rows) {
    const table = tableOf(entityNamed(byName, name));
    const statement = insertStatement(table);
    for (let from = 0; from < rows.length; from += statementRows) {
      const part = rows.slice(from, from + statementRows);
      const json = JSON.stringify(part.map((row) => rowValues(table, row)));
      hash.update(name).update(json);
      await client.query(statement, [options.tenantId, json]);
    }
    count += rows.length;
  }
  return { rows: count, sha256: hash.digest() };
}

function rowValues(table: Table, row: object): object {
  const record: ErpRecord = completeRow(table.entity, row);
  return { id: record.id, ...columnValues(table.fields, record) };
}

/** One JSON text for all rows: lines need no quoting inside arrays, and COPY is not possible under row-level security. */
function insertStatement(table: Table): string {
  const columns = table.fields.flatMap((field) => field.columns);
  const names = ['id', ...columns.map((column) => column.name)].map(quoted).join(', ');
  const types = columns.map((column) => `, ${quoted(column.name)} ${column.type}`).join('');
  return `INSERT INTO ${table.name} (tenant_id, ${names})
    SELECT $1, ${names} FROM json_to_recordset($2::json) AS row ("id" text${types})`;
}
