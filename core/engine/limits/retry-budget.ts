import { Window } from './window.ts';

const share = 0.2;
const always = 10;

/**
 * How many failed calls of a model may be tried again: at most a fifth of the calls of the last minute, and ten a minute more, so
 * that few callers may retry at all. When everything fails, retries then add a fifth to the load instead of multiplying it.
 * @see https://finagle.github.io/blog/2016/02/08/retry-budgets/ (the idea, with 20 % and 10 a second as its defaults)
 */
export class RetryBudget {
  readonly #calls = new Window(Number.POSITIVE_INFINITY, 60_000, 60);
  readonly #retries = new Window(Number.POSITIVE_INFINITY, 60_000, 60);

  /** A call was made, for the first time or again. */
  called(now: number): void {
    this.#calls.take(1, now);
  }

  /** Whether one more failed call may be tried again now; true spends it. */
  spend(now: number): boolean {
    if (this.left(now) < 1) return false;
    this.#retries.take(1, now);
    return true;
  }

  /** Retries that are left now. */
  left(now: number): number {
    const allowed = Math.floor(this.#calls.used(now) * share) + always;
    return Math.max(0, allowed - this.#retries.used(now));
  }
}
