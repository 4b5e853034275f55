import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { DatabaseQuery, DatabaseRows } from '../../sdk/outside.ts';
import { dropClient } from '../db/connection.ts';

/** What one query may take. */
export interface QueryBounds {
  readonly maxRows: number;
  readonly timeoutMs: number;
}

/** Of one answer as it comes over the wire: beyond it the connection is given up, whatever the server still has to say. */
const maxAnswerBytes = 5_000_000;
/** A lock that is not free by then is one that somebody works under. */
const lockTimeoutMs = 2_000;

/**
 * Runs one statement in a read-only transaction that is rolled back whatever happens, and takes at most `maxRows` of its rows. It is the query of a
 * cursor, so PostgreSQL itself takes SELECT, VALUES, TABLE and WITH, and refuses COPY, CALL, DO, SET, and WITH that writes; it is sent by
 * the extended protocol, which refuses a second statement. The SELECT in front takes the snapshot, after which no transaction can be made
 * one that writes. @throws what pg throws · QUERY_REFUSED
 */
export async function readRows(
  client: pg.PoolClient,
  { database, sql, parameters = [] }: DatabaseQuery,
  { maxRows, timeoutMs }: QueryBounds,
): Promise<DatabaseRows> {
  refuseRounded(parameters);
  await client.query(
    `BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL lock_timeout = ${Math.min(lockTimeoutMs, timeoutMs)};
     SET LOCAL idle_in_transaction_session_timeout = ${timeoutMs};
     SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SELECT 1`,
  );
  // The line break ends a comment at the end of the statement before the cursor's.
  const text = `DECLARE answer NO SCROLL CURSOR WITHOUT HOLD FOR ${sql.replace(/;\s*$/, '')}\n`;
  await client.query({ text, values: [...parameters], queryMode: 'extended' } as pg.QueryConfig);
  const { fields, rows } = await bounded(client, database, () =>
    client.query<unknown[]>({ text: `FETCH ${maxRows + 1} FROM answer`, rowMode: 'array' }),
  );
  const columns = fields.map(({ name }) => name);
  refuseTwins(columns);
  const taken = rows.slice(0, maxRows).map((row) => toRecord(columns, row));
  return { columns, rows: taken, isCut: rows.length > maxRows };
}

/** Leaves nothing behind on a connection that others get: locks, settings, prepared statements. */
export async function cleanUp(client: pg.PoolClient): Promise<void> {
  await client.query('ROLLBACK');
  await client.query('DISCARD ALL');
}

async function bounded<T>(
  client: pg.PoolClient,
  database: string,
  work: () => Promise<T>,
): Promise<T> {
  const { stream } = (client as unknown as pg.Client).connection;
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) dropClient(client as unknown as pg.Client);
  };
  stream.on('data', count);
  try {
    return await work();
  } catch (error) {
    if (bytes <= maxAnswerBytes) throw error;
    throw new EngineError(
      'QUERY_REFUSED',
      `The answer of database '${database}' has more than ${maxAnswerBytes} bytes; ask for fewer rows or columns.`,
    );
  } finally {
    stream.off('data', count);
  }
}

/** A number beyond 2^53 may have been another one before it was one: the row that it finds would be somebody else's. */
function refuseRounded(parameters: readonly unknown[]): void {
  const at = parameters.findIndex(
    (each) => typeof each === 'number' && !Number.isSafeInteger(Math.trunc(each)),
  );
  if (at < 0) return;
  throw new EngineError(
    'QUERY_REFUSED',
    `Parameter $${at + 1} is ${parameters[at]}, and a number holds whole ones up to 2^53 - 1 exactly; give it as text.`,
  );
}

function refuseTwins(columns: readonly string[]): void {
  const twin = columns.find((name, index) => columns.indexOf(name) < index);
  if (twin === undefined) return;
  throw new EngineError(
    'QUERY_REFUSED',
    `Two columns of the query are called '${twin}'; name one of them otherwise with AS.`,
  );
}

function toRecord(columns: readonly string[], row: readonly unknown[]) {
  return Object.fromEntries(columns.map((name, index) => [name, row[index]]));
}
