import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const lookMs = 200;

/** The longest transaction that somebody outside has seen. */
export interface LongestTransaction {
  readonly ms: number;
  /** What its connection did last. */
  readonly query: string;
}

/** Looks from a connection of its own how long transactions of Tutti's processes last, five times a second. */
export class TransactionWatch implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #looking: Promise<void>;
  #longest: LongestTransaction = { ms: 0, query: '' };
  #isClosed = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    this.#looking = this.#look();
    this.#looking.catch(() => {});
  }

  static async open(url: string): Promise<TransactionWatch> {
    const client = new pg.Client({ connectionString: url, application_name: 'watch' });
    await client.connect();
    return new TransactionWatch(client);
  }

  get longest(): LongestTransaction {
    return this.#longest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#looking.finally(() => this.#client.end());
  }

  async #look(): Promise<void> {
    while (!this.#isClosed) {
      const { rows } = await this.#client.query<LongestTransaction>(
        `SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS ms, left(query, 300) AS query FROM pg_stat_activity
         WHERE application_name = 'tutti' AND datname = current_database() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1`,
      );
      if (rows[0] && rows[0].ms > this.#longest.ms) this.#longest = rows[0];
      await sleep(lookMs);
    }
  }
}

/**
 * A session that has begun a transaction, has seen and changed something in it, and then stands still until it is closed: nothing that
 * others replace meanwhile can be cleaned away.
 */
export async function openIdleTransaction(url: string): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: url, application_name: 'idle' });
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT pg_current_xact_id(), count(*) FROM tutti.run');
  return {
    async [Symbol.asyncDispose]() {
      // Whoever ended it meanwhile would have let others clean up.
      await client.query('COMMIT');
      await client.end();
    },
  };
}
