import type pg from 'pg';
import type { Database } from '../../ports/db/database.ts';
import { type DataKeyRow, resealKey } from '../../ports/encryption/data-keys.ts';
import type { MasterKeys } from '../../ports/encryption/master-keys.ts';
import { appendAudit } from '../audit/append.ts';
import { withConnection } from '../retention/keeping.ts';
import type { Actor } from '../run/request.ts';

/** What a rotation came to. */
export interface Rotated {
  /** Data keys that are sealed under the new master key since. */
  readonly keys: number;
  /** Those that another process has sealed under an earlier one meanwhile. */
  readonly left: number;
}

const pieceSize = 500;

/**
 * Seals every data key under the current master key; bodies stay as they are. It works in pieces beside running engines, and may be ended
 * at any point: begun again, it goes on with what is left.
 * @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_*
 */
export async function rotateKeys(
  database: Pick<Database, 'connect'>,
  masters: MasterKeys,
  { actor, signal }: { readonly actor: Actor; readonly signal?: AbortSignal },
): Promise<Rotated> {
  const { id } = masters.current;
  return withConnection(database, async (client) => {
    await appendAudit(client, {
      ...{ tenantId: 0, actor, action: 'encryption.rotate', target: 'installation' },
      data: { masterKey: id },
    });
    await client.query('INSERT INTO tutti.master_key (id) VALUES ($1) ON CONFLICT DO NOTHING', [
      id,
    ]);
    let keys = 0;
    let after: readonly unknown[] = [0, '00000000-0000-0000-0000-000000000000', '', 0];
    while (!signal?.aborted) {
      const { rows } = await client.query<DataKeyRow>(piece, [id, ...after, pieceSize]);
      const last = rows.at(-1);
      if (!last) break;
      keys += await reseal(client, rows, masters);
      after = [last.tenant_id, last.run_id, last.class, last.id];
    }
    await client.query(forgetSql, [id]);
    const { rows } = await client.query<{ readonly left: number }>(leftSql, [id]);
    return { keys, left: rows[0]?.left ?? 0 };
  });
}

/** One that was erased meanwhile stays so. */
async function reseal(
  client: pg.Client,
  rows: readonly DataKeyRow[],
  masters: MasterKeys,
): Promise<number> {
  const { rowCount } = await client.query(resealSql, [
    rows.map((row) => row.tenant_id),
    rows.map((row) => row.run_id),
    rows.map((row) => row.class),
    rows.map(({ id }) => id),
    rows.map((row) => resealKey(row, masters)),
    masters.current.id,
  ]);
  return rowCount ?? 0;
}

const piece = `SELECT * FROM tutti.data_key WHERE master <> $1 AND (tenant_id, run_id, class, id) > ($2, $3, $4, $5)
  ORDER BY tenant_id, run_id, class, id LIMIT $6`;
const resealSql = `UPDATE tutti.data_key k SET master = $6, sealed = d.sealed
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::int[], $5::bytea[]) AS d (tenant_id, run_id, class, id, sealed)
  WHERE k.tenant_id = d.tenant_id AND k.run_id = d.run_id AND k.class = d.class AND k.id = d.id`;
const forgetSql = `DELETE FROM tutti.master_key m WHERE id <> $1 AND NOT EXISTS (SELECT FROM tutti.data_key WHERE master = m.id)`;
const leftSql = 'SELECT count(*)::int AS left FROM tutti.data_key WHERE master <> $1';
