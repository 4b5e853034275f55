import type { Clock } from '../base/clock.ts';
import { isOutage } from '../ports/db/db-error.ts';

const everyMs = 1_000;

/** What a reconciler is made of. */
export interface ReconcilerParts {
  readonly clock: Clock;
  /** In their order; `now` is the moment of the round, ms. */
  readonly looks: readonly ((now: number) => unknown)[];
  /** Told what a look has thrown that is no outage of the database: the journal tells of those. */
  readonly onError: (error: unknown) => void;
}

/**
 * Looks once a second at what an engine has to keep up with: engines that are gone, runs that nobody owns, messages. A look that fails is told
 * of and keeps no other from being taken; without the database all wait for the next round.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  #cancelTimer: () => void = () => {};
  #isLooking = false;
  #isStopped = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Looks now, and each second from then on. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#isStopped) return;
    this.#isLooking = true;
    this.#cancelTimer();
    await this.#round();
    this.#isLooking = false;
    if (!this.#isStopped)
      this.#cancelTimer = this.#parts.clock.after(everyMs, () => void this.look());
  }

  /** No round begins after this, and what the one under way throws is nobody's business any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  async #round(): Promise<void> {
    const { clock, looks, onError } = this.#parts;
    const now = clock.now();
    for (const look of looks) {
      try {
        await look(now);
      } catch (error) {
        if (this.#isStopped || isOutage(error)) return;
        onError(error);
      }
    }
  }
}
