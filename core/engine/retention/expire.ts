import type pg from 'pg';
import type { Database } from '../../ports/db/database.ts';
import {
  dropPartition,
  listPartitions,
  lowestId,
  type MonthPartition,
  partitionedTables,
} from '../../ports/db/partitions.ts';
import { noDay } from '../limits/purse.ts';
import { textsBeside } from './bodies.ts';
import { isHeld, isInReview, withoutNewHolds } from './keeping.ts';

/*
 * How a journal ends:
 *
 *   expireRuns      deletes the rows of `run` that are past their time, with what is keyed by them. This is the decision: from
 *                   here on nobody can hold such a run, and whatever else it has left is refuse.
 *   dropMonths      drops the partitions of months in which only refuse is left; what is still a run moves to the default.
 *   sweepDefaults   deletes refuse from the default partitions.
 *
 * Each step may be repeated, by any number of engines, and finds what a crash left undone.
 */

/** Condition on a run `r`: its journal must stay. */
const mustStay = `(r.ended_at IS NULL OR r.ended_at >= $1 OR ${isHeld} OR ${isInReview})`;

const runsATime = 200;

/** Months of which every run is past `limit`; a month with an unfinished run is none of them. */
export async function expiredPartitions(
  client: pg.ClientBase,
  limit: Date,
): Promise<readonly MonthPartition[]> {
  const past = (await listPartitions(client)).filter(({ month }) => month.end <= limit);
  const months = [...new Map(past.map(({ month }) => [month.name, month])).values()];
  const { rows } = await client.query<{ from: string }>(
    `SELECT DISTINCT m."from" FROM unnest($2::uuid[], $3::uuid[]) AS m("from", "to")
     JOIN tutti.run r ON r.id >= m."from" AND r.id < m."to" AND (r.ended_at IS NULL OR r.ended_at >= $1)`,
    [limit, months.map(({ from }) => from), months.map(({ to }) => to)],
  );
  const live = new Set(rows.map(({ from }) => from));
  return past.filter(({ month }) => !live.has(month.from));
}

/**
 * Deletes runs that ended before `limit`, unless they lie in a month that stays. Effects stay for good: their keys keep a write from being
 * done twice, and beside ids and hashes they have their results, with which a repeat is answered. Returns how many runs went.
 */
export async function expireRuns(client: pg.Client, limit: Date): Promise<number> {
  const going = new Set((await expiredPartitions(client, limit)).map(({ month }) => month.name));
  const all = (await listPartitions(client)).map(({ month }) => month);
  const staying = all.filter(({ name }) => !going.has(name));
  const bounds = [staying.map(({ from }) => from), staying.map(({ to }) => to)];
  let expired = 0;
  for (;;) {
    const gone = await withoutNewHolds(client, () =>
      client.query(expireSql, [limit, ...bounds, runsATime]),
    );
    expired += gone.rowCount ?? 0;
    if ((gone.rowCount ?? 0) < runsATime) return expired;
  }
}

const keyed = ['ledger', 'finding', 'inbox', 'data_key'].map(
  (table) =>
    `${table}_rows AS (DELETE FROM tutti.${table} t USING old WHERE t.tenant_id = old.tenant_id AND t.run_id = old.id)`,
);

const expireSql = `WITH old AS MATERIALIZED (SELECT r.tenant_id, r.id, r.ended_at FROM tutti.run r WHERE NOT ${mustStay}
    AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::uuid[]) AS m("from", "to") WHERE r.id >= m."from" AND r.id < m."to")
    LIMIT $4 FOR UPDATE SKIP LOCKED),
  ${keyed.join(',\n  ')},
  purse_rows AS (DELETE FROM tutti.budget t USING old WHERE t.tenant_id = old.tenant_id AND t.period = '${noDay}'
    AND t.scope IN ('run:' || old.id, 'simulated run:' || old.id)),
  ${textsBeside('old')},
  noted AS (INSERT INTO tutti.erasure (tenant_id, run_id, what, reason, actor, payloads)
    SELECT tenant_id, id, 'journal', 'retention: ended ' || ended_at::date, '{"kind":"schedule","id":"retention"}', 0 FROM old)
  DELETE FROM tutti.run t USING old WHERE t.tenant_id = old.tenant_id AND t.id = old.id`;

/** What became of the partitions that were due. */
export interface Dropped {
  /** Their names, such as `entry_y2026m11`. */
  readonly dropped: readonly string[];
  /** Kept busy by readers, or with more held rows than are moved in a moment: their turn comes again. */
  readonly postponed: readonly string[];
}

/** Drops the partitions of expired months, one table a transaction. */
export async function dropMonths(
  database: Pick<Database, 'admin'>,
  due: readonly MonthPartition[],
  limit: Date,
): Promise<Dropped> {
  const dropped: string[] = [];
  const postponed: string[] = [];
  for (const partition of due) {
    const name = `${partition.table}_${partition.month.name}`;
    (await dropMonth(database, partition, limit)) ? dropped.push(name) : postponed.push(name);
  }
  return { dropped, postponed };
}

/** How often a busy table is asked for, and how long everybody else has it in between. */
const tries = 5;
const pauseMs = 200;

async function dropMonth(
  database: Pick<Database, 'admin'>,
  partition: MonthPartition,
  limit: Date,
): Promise<boolean> {
  for (let tried = 1; ; tried++) {
    try {
      return await database.admin((client) => dropUnlessLive(client, partition, limit));
    } catch (error) {
      if ((error as { readonly code?: string }).code !== '55P03') throw error;
      if (tried === tries) return false;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/**
 * What moves while the table is locked and flushes wait: 10,000 bodies of 1.2 kB took 150 ms and 40,000 took 480 ms on 2 cores.
 * Where more must stay the partition stays, too, and the rest is deleted from it.
 */
const mostMoved = { rows: 20_000, bytes: 32_000_000 };

async function dropUnlessLive(
  client: pg.Client,
  partition: MonthPartition,
  limit: Date,
): Promise<boolean> {
  const { month, table } = partition;
  // The owner of a table does not see through its row-level security, the engine does.
  await client.query('SET LOCAL ROLE tutti_engine');
  const { rows } = await client.query<{ id: string; live: boolean }>(
    'SELECT id, ended_at IS NULL OR ended_at >= $1 AS live FROM tutti.run WHERE id >= $2 AND id < $3',
    [limit, month.from, month.to],
  );
  await client.query('SET LOCAL ROLE NONE');
  if (rows.some(({ live }) => live)) return false;
  const kept = rows.map(({ id }) => id);
  if (await isMuch(client, partition, kept)) {
    await client.query(`DELETE FROM tutti.${table}_${month.name} WHERE run_id <> ALL ($1)`, [kept]);
    return false;
  }
  await dropPartition(client, partition, kept);
  return true;
}

/** Whether moving what is kept would lock the table for more than a moment. */
async function isMuch(
  client: pg.Client,
  { table, month }: MonthPartition,
  kept: readonly string[],
): Promise<boolean> {
  const bytes = table === 'payload' ? 'sum(size) FILTER (WHERE body IS NOT NULL)' : '0';
  const { rows } = await client.query<{ rows: number; bytes: number | null }>(
    `SELECT count(*) AS rows, (${bytes})::bigint AS bytes FROM tutti.${table}_${month.name} WHERE run_id = ANY ($1)`,
    [kept],
  );
  const [found] = rows;
  return (found?.rows ?? 0) > mostMoved.rows || (found?.bytes ?? 0) > mostMoved.bytes;
}

/** Deletes from the default partitions what belongs to no run any more and is older than `limit`. Returns the number of rows. */
export async function sweepDefaults(
  database: Pick<Database, 'admin'>,
  limit: Date,
): Promise<number> {
  let swept = 0;
  for (const table of partitionedTables) {
    swept += await database.admin(async (client) => {
      const found = await client.query<{ id: string }>(
        `SELECT DISTINCT run_id AS id FROM tutti.${table}_default WHERE run_id < $1`,
        [lowestId(limit)],
      );
      const ids = found.rows.map(({ id }) => id);
      if (ids.length === 0) return 0;
      await client.query('SET LOCAL ROLE tutti_engine');
      const known = await client.query<{ id: string }>(
        'SELECT id FROM tutti.run WHERE id = ANY ($1)',
        [ids],
      );
      await client.query('SET LOCAL ROLE NONE');
      const runs = new Set(known.rows.map(({ id }) => id));
      const { rowCount } = await client.query(
        `DELETE FROM tutti.${table}_default WHERE run_id = ANY ($1)`,
        [ids.filter((id) => !runs.has(id))],
      );
      return rowCount ?? 0;
    });
  }
  return swept;
}
