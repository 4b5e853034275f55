import { toErrorData } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import { applyRetention } from './apply.ts';
import type { RetentionPolicy } from './policy.ts';

const dayMs = 86_400_000;
// A process that serves does it soon after its start, one that lives for one short run does not.
const firstMs = 60_000;

/** What an engine does once a day beside everything else. */
export class Housekeeping {
  readonly #database: Database;
  readonly #policy: RetentionPolicy;
  readonly #stopping = new AbortController();
  #doneAt: number;
  #work: Promise<void> = Promise.resolve();

  constructor(database: Database, policy: RetentionPolicy, now: number) {
    this.#database = database;
    this.#policy = policy;
    this.#doneAt = now - dayMs + firstMs;
  }

  /** New months get their partitions before they begin, and what is past its time begins to go; does nothing when that was today. @throws DB_* */
  async tend(now: number): Promise<void> {
    if (now - this.#doneAt < dayMs) return;
    this.#doneAt = now;
    await this.#database.ensurePartitions(new Date(now));
    const { signal } = this.#stopping;
    this.#work = applyRetention(this.#database, this.#policy, { now: new Date(now), signal }).then(
      () => {},
      (error: unknown) => {
        if (!signal.aborted)
          process.emitWarning(`Retention was put off for a day: ${toErrorData(error).message}`);
      },
    );
  }

  /** Breaks off what is under way; resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }
}
