import type { Clock } from '../../../core/base/clock.ts';

/** One process's view of the world's clock: its timers end with it. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #pending = new Set<object>();
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Timers that have neither run nor been called off. */
  get timers(): number {
    return this.#pending.size;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = {};
    this.#pending.add(timer);
    const cancel = this.#clock.after(delayMs, () => {
      this.#pending.delete(timer);
      if (!this.#isDead) run();
    });
    return () => {
      this.#pending.delete(timer);
      cancel();
    };
  }

  die(): void {
    this.#isDead = true;
    this.#pending.clear();
  }
}
