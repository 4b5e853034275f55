import type pg from 'pg';
import type { Database } from '../../ports/db/database.ts';
import { appendAudit } from '../audit/append.ts';
import type { Actor } from '../run/request.ts';
import { eraseBodies } from './bodies.ts';
import { dropMonths, expiredPartitions, expireRuns, sweepDefaults } from './expire.ts';
import { trimFeed } from './feed.ts';
import { withConnection } from './keeping.ts';
import { forgetErasures, sweepLeftovers } from './leftovers.ts';
import { daysBefore, type RetentionPolicy } from './policy.ts';
import { sweepSessions } from './sessions.ts';

/** What an application of the policy did. */
export interface Applied {
  /** Bodies erased where the journal stays. */
  readonly bodies: number;
  /** Runs deleted with their journal. */
  readonly runs: number;
  /** Partitions dropped, such as `entry_y2026m11`. */
  readonly dropped: readonly string[];
  /** Partitions that are due and were busy, or hold too many rows that must stay. */
  readonly postponed: readonly string[];
  /** Rows of expired runs deleted from default partitions. */
  readonly swept: number;
  /** Rows of the feed deleted. */
  readonly feedRows: number;
}

/**
 * Applies the policy as of `now`; once a day is enough. It works in short transactions beside a running engine, may be stopped at
 * any point and called by several engines, and leaves alone what is unfinished, held or in review. `signal` ends it early. With an
 * `actor`, who asks for it by hand, the installation's audit log has it before anything is gone.
 * @default when.now the database's clock, by which runs have ended: what an engine whose own is wrong would erase, nobody brings back
 * @throws DB_*
 */
export async function applyRetention(
  database: Pick<Database, 'admin' | 'connect'>,
  policy: RetentionPolicy,
  when: { readonly now?: Date; readonly signal?: AbortSignal; readonly actor?: Actor } = {},
): Promise<Applied> {
  return withConnection(database, async (client) => {
    const now = when.now ?? (await clockOf(client));
    const limit = daysBefore(now, policy.journalDays);
    if (when.actor)
      await appendAudit(client, {
        ...{ tenantId: 0, actor: when.actor, action: 'retention.apply', target: 'installation' },
        data: { journalDays: policy.journalDays, feedDays: policy.feedDays },
      });
    const { bodies } = await eraseBodies(client, policy, { ...when, now });
    const feedRows = await trimFeed(client, daysBefore(now, policy.feedDays));
    await sweepSessions(client, now);
    const runs = await expireRuns(client, limit);
    const due = when.signal?.aborted ? [] : await expiredPartitions(client, limit);
    const { dropped, postponed } = await dropMonths(database, due, limit);
    const swept = await sweepDefaults(database, limit);
    await sweepLeftovers(client, { now, limit });
    await forgetErasures(client, database, limit);
    return { bodies, runs, dropped, postponed, swept, feedRows };
  });
}

async function clockOf(client: pg.Client): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return (rows[0] as { now: Date }).now;
}
