import type pg from 'pg';
import { toStorableJson } from '../../../base/text.ts';
import type { Command, Outcome } from '../connector.ts';
import { prepareWrite } from '../writes.ts';
import { lockRecord } from './read.ts';
import { columnValues, quoted, type Table } from './table.ts';
import { inTenantTransaction } from './transaction.ts';

/** One command, and on whose behalf. */
interface Write {
  readonly table: Table;
  readonly command: Command;
  readonly key: string;
  readonly tenantId: number;
}

interface Applied {
  readonly id: string;
  readonly version: string;
}

/**
 * Carries a command out once: its key, its effect and its outcome commit together. Two calls with one key at the same
 * time wait for each other at the key's row. A refused command leaves no key behind: it may succeed later.
 */
export async function applyOnce(pool: pg.Pool, write: Write): Promise<Outcome> {
  const transaction = {
    tenantId: write.tenantId,
    mode: 'READ WRITE' as const,
    keepIf: (outcome: Outcome) => outcome.kind === 'applied',
  };
  return await inTenantTransaction(pool, transaction, async (client): Promise<Outcome> => {
    const first = await claimKey(client, write);
    return first ? { kind: 'replayed', ...first } : await carryOut(client, write);
  });
}

/** Takes the key, or tells what it led to. */
async function claimKey(client: pg.ClientBase, write: Write): Promise<Applied | null> {
  const values = [write.tenantId, write.key];
  const { rowCount } = await client.query(
    'INSERT INTO erp.command (tenant_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values,
  );
  if (rowCount === 1) return null;
  const { rows } = await client.query<{ outcome: Applied }>(
    'SELECT outcome FROM erp.command WHERE tenant_id = $1 AND key = $2',
    values,
  );
  return rows[0]?.outcome ?? null;
}

async function carryOut(client: pg.ClientBase, write: Write): Promise<Outcome> {
  const { table, command, tenantId } = write;
  const current =
    command.op === 'create' ? null : await lockRecord(client, table, { id: command.id, tenantId });
  const prepared = prepareWrite(table.entity, command, current);
  if (prepared.kind !== 'write') return prepared;
  const values = columnValues(
    table.fields.filter(({ name }) => name in prepared.fields),
    prepared.fields,
  );
  const statement = current ? updateSql(table, values) : insertSql(table, values);
  const { rows } = await client.query<{ id: string; version: number }>(statement, [
    tenantId,
    toStorableJson(values),
    ...(current ? [current.id] : []),
  ]);
  const applied = { id: String(rows[0]?.id), version: String(rows[0]?.version) };
  await client.query('UPDATE erp.command SET outcome = $3 WHERE tenant_id = $1 AND key = $2', [
    tenantId,
    write.key,
    JSON.stringify(applied),
  ]);
  return { kind: 'applied', ...applied };
}

type Values = Readonly<Record<string, unknown>>;

function insertSql(table: Table, values: Values): string {
  const names = Object.keys(values).map(quoted);
  return `INSERT INTO ${table.name} (tenant_id, id, ${names.join(', ')})
    SELECT $1, nextval('erp.record_id')::text, ${names.join(', ')} FROM ${recordset(table, values)}
    RETURNING id, version`;
}

function updateSql(table: Table, values: Values): string {
  const changes = Object.keys(values).map((name) => `, ${quoted(name)} = given.${quoted(name)}`);
  const from = changes.length === 0 ? '' : `FROM ${recordset(table, values)}`;
  // The second parameter needs a type where nothing else gives it one.
  const unused = changes.length === 0 ? 'AND $2::text IS NOT NULL' : '';
  return `UPDATE ${table.name} AS target SET version = target.version + 1,
      change_seq = nextval('erp.change_seq'), change_xid = pg_current_xact_id(), updated_at = now()
      ${changes.join('')} ${from}
    WHERE target.tenant_id = $1 AND target.id = $3 ${unused} RETURNING target.id, target.version`;
}

/** The values as one row with the columns' types. */
function recordset(table: Table, values: Values): string {
  const columns = table.fields
    .flatMap((field) => field.columns)
    .filter(({ name }) => name in values);
  const types = columns.map((column) => `${quoted(column.name)} ${column.type}`).join(', ');
  return `json_to_record($2::json) AS given (${types})`;
}
