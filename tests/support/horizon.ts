import type pg from 'pg';
import { eventually } from './eventually.ts';

/**
 * Waits until every transaction of the whole server that is open now has ended, an engine's heartbeat and autovacuum's too: feeds and the
 * changes of an ERP are read up to the oldest that is open.
 */
export async function horizon(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ now: string }>('SELECT pg_current_xact_id()::text AS now');
  await eventually(async () => {
    const { rows: passed } = await pool.query(
      'SELECT 1 WHERE pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8',
      [rows[0]?.now],
    );
    return passed.length > 0 ? true : null;
  });
}
