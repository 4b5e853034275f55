import type { Clock } from '../../base/clock.ts';
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
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  /** When it was done last, by both clocks: one may be set, the other stands still while its machine sleeps. */
  #doneAt: { readonly now: number; readonly monotonic: number };
  #work: Promise<void> = Promise.resolve();

  constructor(
    database: Database,
    policy: RetentionPolicy,
    clock: Pick<Clock, 'now' | 'monotonic'>,
  ) {
    this.#database = database;
    this.#policy = policy;
    this.#clock = clock;
    const sinceMs = dayMs - firstMs;
    this.#doneAt = { now: clock.now() - sinceMs, monotonic: clock.monotonic() - sinceMs };
  }

  /**
   * Sees to it that new months get their partitions before they begin, and that what is past its time goes; does nothing when that was today.
   * Nobody waits for it: it stands behind whoever changes the schema, or saves all of it.
   */
  tend(): void {
    const [now, monotonic] = [this.#clock.now(), this.#clock.monotonic()];
    const done = this.#doneAt;
    if (now - done.now < dayMs && monotonic - done.monotonic < dayMs) return;
    this.#doneAt = { now, monotonic };
    const { signal } = this.#stopping;
    this.#work = this.#work
      .then(() => this.#keep(new Date(now), signal))
      .catch((error: unknown) => {
        if (!signal.aborted)
          process.emitWarning(`Housekeeping was put off for a day: ${toErrorData(error).message}`);
      });
  }

  /** Breaks off what is under way; resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #keep(now: Date, signal: AbortSignal): Promise<void> {
    const database = this.#database;
    // A table that is read for long may keep a month from being made; what is past its time goes all the same.
    const made = await Promise.allSettled([database.ensurePartitions(now, signal)]);
    const own: Parameters<typeof applyRetention>[0] = {
      connect: (...role) => database.connect(...role),
      admin: (work) => database.admin(work, signal),
    };
    await applyRetention(own, this.#policy, { signal });
    for (const each of made) if (each.status === 'rejected') throw each.reason;
  }
}
