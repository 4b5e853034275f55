import type { Clock } from '../base/clock.ts';

/** What does something again and again. */
export interface TickerParts {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  /** Told what `work` throws; the next turn comes all the same. */
  readonly onError: (error: unknown) => void;
}

/** Does something at once, and then `everyMs` after it was last done; never twice at a time. */
export class Ticker {
  readonly #parts: TickerParts;
  #cancel: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #isWanted = false;
  #isClosed = false;

  constructor(parts: TickerParts) {
    this.#parts = parts;
  }

  /** Begins, or does it now instead of later; what is being done is done once more. */
  wake(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    this.#cancel?.();
    this.#cancel = null;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being done any more, and nothing will be. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.settled();
  }

  /** Resolves when nothing is being done. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, everyMs, work, onError } = this.#parts;
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      await work().catch(onError);
    }
    this.#running = null;
    if (!this.#isClosed) this.#cancel = clock.after(everyMs, () => this.wake());
  }
}
