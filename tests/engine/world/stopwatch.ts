/** Counts time that passes while it runs, by a clock that is asked. */
export class Stopwatch {
  readonly #now: () => number;
  #counted = 0;
  #since: number | null;

  /** It runs from the beginning. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  get ms(): number {
    return this.#counted + (this.#since === null ? 0 : this.#now() - this.#since);
  }

  stop(): void {
    this.#counted = this.ms;
    this.#since = null;
  }

  goOn(): void {
    this.#since ??= this.#now();
  }
}
