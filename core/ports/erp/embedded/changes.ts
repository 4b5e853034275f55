import type pg from 'pg';
import { EngineError } from '../../../base/errors.ts';
import type { ErpEvent } from '../connector.ts';
import type { Table } from './table.ts';

/** Hints that one call brings at most; the rest comes with the next. */
const eventsPerCall = 1_000;

/**
 * What changed since a cursor, in the order of transactions. A number from a sequence is taken long before its
 * transaction commits, so a reader that goes by it alone steps over late commits; this one never passes a transaction
 * that is still open, whoever's it is. Without a cursor nothing is reported: the cursor is that of this moment.
 */
export async function readChanges(
  client: pg.ClientBase,
  tables: readonly Table[],
  from: { readonly cursor: string | null; readonly tenantId: number },
): Promise<{ readonly events: readonly ErpEvent[]; readonly cursor: string }> {
  const { rows: snapshot } = await client.query<{ settled: string }>(
    'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS settled',
  );
  // Everything below it has committed or never will.
  const settled = snapshot[0]?.settled ?? '0';
  if (from.cursor === null || tables.length === 0) return { events: [], cursor: `${settled}:0` };
  const { rows } = await client.query<ErpEvent & { readonly at: string }>(changesSql(tables), [
    from.tenantId,
    ...readCursor(from.cursor),
    settled,
    eventsPerCall,
  ]);
  const last = rows.length === eventsPerCall ? rows.at(-1) : undefined;
  const events = rows.map(({ entity, id, version }) => ({ entity, id, version }));
  return { events, cursor: last?.at ?? `${settled}:0` };
}

function changesSql(tables: readonly Table[]): string {
  const each = tables.map(
    ({ name, entity }) => `(SELECT '${entity.name}' AS entity, id, version, change_xid, change_seq
      FROM ${name} WHERE tenant_id = $1 AND (change_xid, change_seq) > ($2::xid8, $3::bigint)
        AND change_xid < $4::xid8 ORDER BY change_xid, change_seq LIMIT $5::int)`,
  );
  return `SELECT entity, id, version::text AS version, change_xid::text || ':' || change_seq AS at
    FROM (${each.join(' UNION ALL ')}) AS change ORDER BY change_xid, change_seq LIMIT $5::int`;
}

function readCursor(cursor: string): readonly [xid: string, seq: string] {
  const [, xid, seq] = /^(\d+):(\d+)$/.exec(cursor) ?? [];
  if (xid !== undefined && seq !== undefined) return [xid, seq];
  throw new EngineError(
    'INPUT_INVALID',
    'This cursor of changes is not one that the ERP gave; start again without one.',
  );
}
