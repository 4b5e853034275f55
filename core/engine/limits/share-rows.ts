import type pg from 'pg';
import { advisoryLocks } from '../../ports/db/locks.ts';

/** What one engine has of one limit, as the others read it. */
export interface ShareRow {
  readonly resource: string;
  readonly kind: string;
  readonly engine: string;
  readonly amount: number;
  /** Used beyond the amount; counts until `usedUntil`. */
  readonly used: number;
  readonly usedUntil: number;
  readonly spanMs: number;
  readonly demand: number;
  readonly unit: number;
  readonly fedAt: number;
}

/** Another engine, as far as its shares go. */
export interface OtherEngine {
  readonly id: string;
  readonly isGone: boolean;
  readonly leaseUntil: number;
  /** Whether it shares: otherwise it thinks that it is alone, and holds everything. */
  readonly isSharing: boolean;
}

/** What is written about who holds what, at one moment; all times in ms of the database's clock. */
export interface ShareBook {
  readonly at: number;
  readonly others: readonly OtherEngine[];
  /** The engine's own rows, too. */
  readonly rows: readonly ShareRow[];
}

/** The row that says that an engine shares. */
export const sharingMark = { resource: '', kind: '' } as const;

/** Longer than the use of any limit counts: what an engine that died alone may have used is over by then. */
export const longestSpanMs = 64_000;

/** Whether any other engine may still do something: the one look of an engine that is alone. */
export async function hasOthers(pool: pg.Pool, boot: string): Promise<boolean> {
  const { rows } = await pool.query<{ others: boolean }>(
    `SELECT EXISTS (SELECT FROM tutti.engine WHERE id <> $1 AND state <> 'gone') AS others`,
    [boot],
  );
  return rows[0]?.others ?? false;
}

/** Waits for its turn, then reads the book; nobody else writes it until the transaction ends. */
export async function readBook(client: pg.ClientBase, boot: string): Promise<ShareBook> {
  await client.query(`SELECT pg_advisory_xact_lock(${advisoryLocks.shares})`);
  // After the lock, so that neither time nor rows are older than what the one before wrote.
  const book = await client.query<{ at: number } & Omit<OtherEngine, 'at'>>(
    `SELECT ${ms('clock_timestamp()')} AS at, e.id, e.state = 'gone' AS "isGone", ${ms('e.lease_until')} AS "leaseUntil",
       EXISTS (SELECT FROM tutti.share s WHERE s.engine_id = e.id AND s.resource = '') AS "isSharing"
     FROM (VALUES (true)) AS one LEFT JOIN tutti.engine e
       ON e.id <> $1 AND (e.state <> 'gone' OR e.lease_until > clock_timestamp() - interval '5 minutes')`,
    [boot],
  );
  const rows = await client.query<ShareRow>(
    `SELECT resource, kind, engine_id AS engine, amount, used, ${ms('used_until')} AS "usedUntil", span_ms AS "spanMs", demand, unit,
       ${ms('fed_at')} AS "fedAt" FROM tutti.share`,
  );
  const others = book.rows.filter(({ id }) => id !== null);
  return { at: book.rows[0]?.at as number, others, rows: rows.rows };
}

/** Writes what an engine has; it changes nobody else's rows. */
export async function writeRows(
  client: pg.ClientBase,
  boot: string,
  rows: readonly Omit<ShareRow, 'engine'>[],
): Promise<void> {
  const column = (of: (row: Omit<ShareRow, 'engine'>) => unknown): unknown[] => rows.map(of);
  await client.query(
    `INSERT INTO tutti.share AS s (engine_id, resource, kind, amount, used, used_until, span_ms, demand, unit, fed_at)
     SELECT $1, d.resource, d.kind, d.amount, d.used, to_timestamp(d.used_until / 1000), d.span_ms, d.demand, d.unit, to_timestamp(d.fed_at / 1000)
     FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::float8[], $7::int[], $8::bigint[], $9::bigint[], $10::float8[])
       AS d (resource, kind, amount, used, used_until, span_ms, demand, unit, fed_at)
     ON CONFLICT (resource, kind, engine_id) DO UPDATE SET amount = excluded.amount, used = excluded.used, used_until = excluded.used_until,
       span_ms = excluded.span_ms, demand = excluded.demand, unit = excluded.unit, fed_at = excluded.fed_at`,
    [
      boot,
      column(({ resource }) => resource),
      column(({ kind }) => kind),
      column(({ amount }) => amount),
      column(({ used }) => used),
      column(({ usedUntil }) => usedUntil),
      column(({ spanMs }) => spanMs),
      column(({ demand }) => demand),
      column(({ unit }) => unit),
      column(({ fedAt }) => fedAt),
    ],
  );
}

/** Forgets the rows of engines that are gone, once nothing of them counts; with `boot` the engine's own, too: it is alone. */
export async function dropRows(client: pg.ClientBase, boot: string | null = null): Promise<void> {
  await client.query(
    `DELETE FROM tutti.share s USING tutti.engine e WHERE e.id = s.engine_id AND (e.id = $1 OR (e.state = 'gone'
       AND e.lease_until + s.span_ms * interval '1 millisecond' < clock_timestamp()))`,
    [boot],
  );
}

/** Forgets all rows: all engines but this one are gone, and what they used is in its windows. */
export async function dropAll(client: pg.ClientBase): Promise<void> {
  await client.query('DELETE FROM tutti.share');
}

/** What counts of another engine's part of a limit. Without a row that is nothing when it shares, else everything. */
export function countedOf(
  other: OtherEngine,
  row: ShareRow | undefined,
  { at, whole }: { readonly at: number; readonly whole: number },
): number {
  const { isGone, leaseUntil, isSharing } = other;
  if (!row) return isSharing || (isGone && at >= leaseUntil + longestSpanMs) ? 0 : whole;
  if (isGone && at >= leaseUntil + row.spanMs) return 0;
  return Math.max(row.amount, at < row.usedUntil ? row.used : 0);
}

function ms(moment: string): string {
  return `extract(epoch FROM ${moment})::float8 * 1000`;
}
