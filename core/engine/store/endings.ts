import type pg from 'pg';
import type { EngineError } from '../../base/errors.ts';
import type { RunStatus } from '../run/states.ts';

/**
 * Who waits for the end of which run. An engine hears of the ends of the runs in its memory; all others (ended before somebody
 * asked, ended while they were taken up, another engine's) are looked up where they are stored.
 */
export class Endings {
  readonly #pool: pg.Pool;
  readonly #isInMemory: (runId: string) => boolean;
  readonly #waiters = new Map<string, PromiseWithResolvers<RunStatus>>();
  #failure: EngineError | null = null;

  constructor(pool: pg.Pool, isInMemory: (runId: string) => boolean) {
    this.#pool = pool;
    this.#isInMemory = isInMemory;
  }

  /** Resolves with the final status of a run. @throws what `fail` was told */
  whenEnded(runId: string): Promise<RunStatus> {
    if (this.#failure) return Promise.reject(this.#failure);
    const waiter = this.#waiters.get(runId) ?? Promise.withResolvers<RunStatus>();
    this.#waiters.set(runId, waiter);
    // After it waits, so that no end comes in between. A database that is away is asked again by `tend`.
    if (!this.#isInMemory(runId)) void this.#lookUp([runId]).catch(() => {});
    return waiter.promise;
  }

  /** Hears that the end of a run is durable. */
  ended(runId: string, status: RunStatus): void {
    this.#waiters.get(runId)?.resolve(status);
    this.#waiters.delete(runId);
  }

  /** Nobody will hear of an end any more. */
  fail(error: EngineError): void {
    this.#failure = error;
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }

  /** Once a second: looks for the ends of which no engine tells this one. @throws DB_* */
  async tend(): Promise<void> {
    const others = [...this.#waiters.keys()].filter((runId) => !this.#isInMemory(runId));
    if (others.length > 0) await this.#lookUp(others);
  }

  async #lookUp(runIds: readonly string[]): Promise<void> {
    const { rows } = await this.#pool.query<{ readonly id: string; readonly status: RunStatus }>(
      'SELECT id, status FROM tutti.run WHERE id = ANY ($1::uuid[]) AND ended_at IS NOT NULL',
      [runIds],
    );
    for (const { id, status } of rows) this.ended(id, status);
  }
}
