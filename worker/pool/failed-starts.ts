import type { Clock } from '../../core/base/clock.ts';

/** Before the next try; doubled at each. */
const delayMs = 500;
/** Starts that fail in a row until whoever waits for the process is told so. */
const most = 3;

/** Starts of a process that have failed in a row. It rests after each; what waits for it is told when there were too many. */
export class FailedStarts {
  readonly #clock: Clock;
  #times = 0;
  #isResting = false;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether nothing is to be tried for now. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Counts one more; `again` is called when the next may be tried. Returns whether that were too many: what waits now waits in vain. */
  add(again: () => void): boolean {
    this.#cancelTimer();
    this.#times += 1;
    this.#isResting = true;
    this.#cancelTimer = this.#clock.after(delayMs * 2 ** this.#times, () => {
      this.#isResting = false;
      again();
    });
    if (this.#times < most) return false;
    this.#times = 0;
    return true;
  }

  /** Counts from the beginning, and rests no more: a start was good, or the next one is another, or there is to be none. */
  clear(): void {
    this.#cancelTimer();
    this.#times = 0;
    this.#isResting = false;
  }
}
