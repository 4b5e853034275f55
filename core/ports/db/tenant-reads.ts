import type pg from 'pg';
import { queryTimeoutMs } from './connection.ts';
import { tenantSetting } from './transaction.ts';

/** How many reads share a transaction at most: those behind a slow one wait for it. */
const together = 16;

/** What a statement is answered with after another one of its transaction has failed: `in_failed_sql_transaction`. */
const failedBefore = '25P02';

/** A statement that waits for its rows. */
interface Read {
  /** Sets the tenant. */
  readonly setting: string;
  readonly statement: pg.QueryConfig;
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (reason: unknown) => void;
}

const readers = new WeakMap<pg.Pool, Readers>();

/**
 * What one statement finds among the rows of one tenant. The tenant is set for a transaction, never for the session: a session's setting would be
 * there for whoever gets the connection next. Beginning, statement and end go in one round trip, and reads of a tenant that wait while all
 * connections are busy go together: each time somebody is woken costs more than most statements. `pool` acts as `tutti_tenant`.
 * @throws INPUT_INVALID no such tenant · pg's error with its SQLSTATE in `code`
 */
export async function readInTenant<T>(
  pool: pg.Pool,
  tenantId: number,
  statement: pg.QueryConfig,
): Promise<readonly T[]> {
  const setting = tenantSetting(tenantId);
  const those = readers.get(pool) ?? new Readers(pool);
  readers.set(pool, those);
  return (await those.read(setting, statement)) as readonly T[];
}

/** The reads of a pool that wait for a connection. */
class Readers {
  readonly #pool: pg.Pool;
  #waiting: Read[] = [];
  /** How many take reads from there, each with a connection or waiting for one. */
  #serving = 0;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  read(setting: string, statement: pg.QueryConfig): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ setting, statement, resolve, reject });
      if (this.#serving < this.#pool.options.max) void this.#serve();
    });
  }

  /** Lets go of the connection after each transaction: others wait for it, too. */
  async #serve(): Promise<void> {
    this.#serving += 1;
    while (this.#waiting.length > 0) {
      try {
        const client = await this.#pool.connect();
        const again = await readTogether(client, this.#next());
        this.#waiting.unshift(...again);
      } catch (error) {
        for (const { reject } of this.#next()) reject(error);
      }
    }
    this.#serving -= 1;
  }

  /** Takes the oldest and those of its tenant that go with it, but no more than this connection's share: others may be free sooner. */
  #next(): readonly Read[] {
    const [oldest] = this.#waiting;
    const most = Math.min(together, Math.ceil(this.#waiting.length / this.#pool.options.max));
    const next: Read[] = [];
    const passed: Read[] = [];
    for (const read of this.#waiting) {
      if (next.length === most) break;
      (read.setting === oldest?.setting ? next : passed).push(read);
    }
    this.#waiting = [...passed, ...this.#waiting.slice(next.length + passed.length)];
    return next;
  }
}

/** Reads in one transaction and gives the connection back. Returns those that must be asked once more, because another one has failed. */
async function readTogether(
  client: pg.PoolClient,
  reads: readonly Read[],
): Promise<readonly Read[]> {
  if (reads.length === 0) {
    client.release();
    return [];
  }
  const [begun, ...answers] = await Promise.allSettled(send(client, reads));
  // A connection without the end may still be in the transaction.
  client.release(answers.at(-1)?.status === 'rejected');
  const again: Read[] = [];
  for (const [i, read] of reads.entries()) {
    // Without the beginning no tenant was set, and what the statement has found is nobody's.
    const answer = begun?.status === 'rejected' ? begun : answers[i];
    if (answer?.status === 'fulfilled') read.resolve(answer.value.rows);
    else if (answer?.reason?.code === failedBefore) again.push(read);
    else read.reject(answer?.reason);
  }
  return again;
}

/** Sends the beginning, the reads and the end at once. */
function send(client: pg.PoolClient, reads: readonly Read[]): Promise<pg.QueryResult>[] {
  const { stream } = (client as unknown as pg.Client).connection;
  const statements = [
    { text: `BEGIN READ ONLY; ${reads[0]?.setting}` },
    ...reads.map(({ statement }) => statement),
    { text: 'COMMIT' },
  ];
  stream.cork();
  // Each has the time of those before it, too.
  const sent = statements.map((statement, i) =>
    client.query({ ...statement, query_timeout: queryTimeoutMs * (i + 1) } as pg.QueryConfig),
  );
  stream.uncork();
  return sent;
}
