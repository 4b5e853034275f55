import type pg from 'pg';
import type { Actor } from '../run/request.ts';
import { appendAudit } from './append.ts';

/** A backup that was taken or restored. */
export interface BackupNote {
  readonly action: 'backup.take' | 'backup.restore';
  readonly actor: Actor;
  /** Ids, numbers and codes only. */
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Appends to the installation's chain that a backup was taken or restored. `client` is the login user's. A database of an older release has
 * no chain to append to, and one that follows another takes nothing: then there is no row.
 */
export async function noteBackup(
  client: pg.ClientBase,
  { action, actor, data }: BackupNote,
): Promise<void> {
  const { rows } = await client.query<{ readonly has: boolean }>(
    `SELECT to_regprocedure('tutti.append_audit(int, text, text, text, text)') IS NOT NULL AND NOT pg_is_in_recovery() AS has`,
  );
  if (!rows[0]?.has) return;
  await client.query('BEGIN; SET LOCAL ROLE tutti_engine');
  await appendAudit(client, { tenantId: 0, actor, action, target: 'installation', data });
  await client.query('COMMIT');
}
