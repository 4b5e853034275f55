import type pg from 'pg';

/** The tables with one partition a month, and the storage options of their partitions. */
const partitioned = {
  step: 'WITH (fillfactor = 70)',
  attempt: '',
  entry: '',
  payload: '',
} as const;

/** A table with one partition a month. */
export type PartitionedTable = keyof typeof partitioned;

/** The tables with one partition a month. */
export const partitionedTables = Object.keys(partitioned) as readonly PartitionedTable[];

/** The current month and two more: a process that looks once a day is never late. */
const monthsAhead = 2;

/** One month of runs: their ids lie in [from, to). */
export interface Month {
  /** 'y2026m11', the ending of the partitions' names. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Its last moment, exclusive. */
  readonly end: Date;
}

/** The month that `at` lies in (UTC), or the one `ahead` months later, as a range of UUIDv7. */
export function monthOf(at: Date, ahead = 0): Month {
  const start = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead));
  const end = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead + 1));
  const month = String(start.getUTCMonth() + 1).padStart(2, '0');
  return {
    name: `y${start.getUTCFullYear()}m${month}`,
    from: lowestId(start),
    to: lowestId(end),
    end,
  };
}

/** The lowest UUID whose first 48 bits are `at` in ms since the epoch: a bound below every UUIDv7 of that moment (RFC 9562, 5.7). */
export function lowestId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/**
 * Makes the partitions of `now`'s month and the next two that are missing; `client` is the login user's, inside the lock of
 * `Database.admin`. A month whose rows already lie in the default partition stays there: nothing is moved or lost. False: somebody
 * keeps a table busy, and what is missing can be made later.
 */
export async function ensurePartitions(client: pg.ClientBase, now: Date): Promise<boolean> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'tutti'::regnamespace AND relispartition AND relkind = 'r'`,
  );
  const present = new Set(rows.map((row) => row.name));
  for (let ahead = 0; ahead <= monthsAhead; ahead++) {
    const month = monthOf(now, ahead);
    for (const [table, storage] of Object.entries(partitioned)) {
      const isThere = present.has(`${table}_${month.name}`);
      // At once: what was made until now is locked to the end of the transaction.
      if (!isThere && !(await createPartition(client, { table, month, storage }))) return false;
    }
  }
  return true;
}

/** Whether every partition that `ensurePartitions` would make is there. */
export async function hasPartitions(client: pg.ClientBase, now: Date): Promise<boolean> {
  const names = Array.from(
    { length: monthsAhead + 1 },
    (_, ahead) => `step_${monthOf(now, ahead).name}`,
  );
  const { rows } = await client.query<{ missing: number }>(
    `SELECT count(*) FILTER (WHERE to_regclass('tutti.' || name) IS NULL)::int AS missing FROM unnest($1::text[]) AS name`,
    [names],
  );
  return rows[0]?.missing === 0;
}

interface Partition {
  readonly table: string;
  readonly month: Month;
  readonly storage: string;
}

/**
 * How long a change of partitions may wait for its lock. Whoever wants the table meanwhile queues behind it, the journal's
 * flush too, so this is also the longest that a reader who sits on the table can make a flush wait.
 */
const lockPatienceMs = 100;

/** Makes a partition; false: somebody keeps the table busy. */
async function createPartition(
  client: pg.ClientBase,
  { table, month, storage }: Partition,
): Promise<boolean> {
  const { from, to } = month;
  const { rowCount } = await client.query(
    `SELECT FROM tutti.${table}_default WHERE run_id >= $1 AND run_id < $2 LIMIT 1`,
    [from, to],
  );
  if (rowCount !== 0) return true;
  await client.query(`SAVEPOINT partition; SET LOCAL lock_timeout = ${lockPatienceMs}`);
  try {
    await client.query(
      `CREATE TABLE IF NOT EXISTS tutti.${table}_${month.name} PARTITION OF tutti.${table} FOR VALUES FROM ('${from}') TO ('${to}') ${storage}`,
    );
  } catch (error) {
    if ((error as { readonly code?: string }).code !== '55P03') throw error;
    await client.query('ROLLBACK TO partition');
    return false;
  }
  await client.query('RELEASE partition; SET LOCAL lock_timeout TO DEFAULT');
  return true;
}

/** A month's partition of one table. */
export interface MonthPartition {
  readonly table: PartitionedTable;
  readonly month: Month;
  /** With its indexes and what is stored out of line. */
  readonly sizeBytes: number;
}

/** The monthly partitions that there are, oldest first. */
export async function listPartitions(client: pg.ClientBase): Promise<readonly MonthPartition[]> {
  const { rows } = await client.query<{ table: PartitionedTable; year: number; month: number }>(
    `SELECT p.relname AS table, substring(c.relname FROM 'y(\\d{4})m\\d\\d$')::int AS year,
        substring(c.relname FROM 'm(\\d\\d)$')::int AS month, pg_total_relation_size(c.oid) AS "sizeBytes"
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
      WHERE p.relnamespace = 'tutti'::regnamespace AND p.relname = ANY ($1) AND c.relname ~ '_y\\d{4}m\\d\\d$' ORDER BY year, month, p.relname`,
    [partitionedTables],
  );
  return rows.map(({ year, month, ...row }) => ({
    ...(row as Pick<MonthPartition, 'table' | 'sizeBytes'>),
    month: monthOf(new Date(Date.UTC(year, month - 1))),
  }));
}

/**
 * Drops a month's partition of one table; rows of the runs in `kept` move to the default partition. `client` is the login
 * user's, inside the lock of `Database.admin`. The table is locked from here to the end of the transaction.
 * @throws pg's error 55P03 when somebody keeps the table busy: nothing was changed
 */
export async function dropPartition(
  client: pg.ClientBase,
  { table, month }: Pick<MonthPartition, 'table' | 'month'>,
  kept: readonly string[],
): Promise<void> {
  const name = `tutti.${table}_${month.name}`;
  await client.query(`SET LOCAL lock_timeout = ${lockPatienceMs}`);
  await client.query(`ALTER TABLE tutti.${table} DETACH PARTITION ${name}`);
  if (kept.length > 0) {
    await client.query(
      `INSERT INTO tutti.${table}_default SELECT * FROM ${name} WHERE run_id = ANY ($1)`,
      [kept],
    );
  }
  await client.query(`DROP TABLE ${name}`);
}
