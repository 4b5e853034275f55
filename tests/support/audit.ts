import type pg from 'pg';
import { appendAudit } from '../../core/engine/audit/append.ts';
import type { AuditRow } from '../../core/engine/audit/line.ts';
import { beginning, hashOf } from '../../core/engine/audit/row.ts';

/** A chain as it is written, in memory. */
export function aChain(length: number, tenantId = 1): readonly AuditRow[] {
  const rows: AuditRow[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const prev = rows.at(-1)?.hash ?? beginning;
    const text = {
      ...{ tenantId, seq, at: `2026-11-21T20:15:00.00000${seq % 10}Z` },
      actor: `{"id":"änna ${seq}","kind":"person"}`,
      ...{ action: 'setting.put', target: `name\u2028${seq}`, data: `{"value":${seq / 10}}` },
    };
    rows.push({ ...text, prev, hash: hashOf(prev, text) });
  }
  return rows;
}

/** Rows as a database or a file gives them. */
export async function* given<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

/** Appends rows to a tenant's chain, each in a transaction of its own. */
export async function appendMany(
  pool: pg.Pool,
  {
    tenantId,
    count,
    id = 'anna',
  }: { readonly tenantId: number; readonly count: number; readonly id?: string },
): Promise<void> {
  for (let no = 1; no <= count; no += 1)
    await appendAudit(pool, {
      ...{ tenantId, actor: { kind: 'person', id }, action: 'test.write', target: `t${no}` },
      data: { no },
    });
}

/** Changes what may not be changed, as somebody with the rights of a superuser could. */
export async function tamper(
  client: pg.ClientBase,
  text: string,
  values: readonly unknown[] = [],
): Promise<void> {
  await client.query('ALTER TABLE tutti.audit DISABLE TRIGGER insert_only');
  try {
    await client.query(text, [...values]);
  } finally {
    await client.query('ALTER TABLE tutti.audit ENABLE TRIGGER insert_only');
  }
}
