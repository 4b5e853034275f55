import type { Clock } from './clock.ts';

/** Ends something after a time of its own, which stands still while it is paused. */
export class Deadline {
  readonly #clock: Clock;
  readonly #strike: () => void;
  #leftMs: number;
  #armed: { readonly at: number; readonly cancel: () => void } | null = null;

  /** `strike` is called once, when `timeoutMs` of its time have passed. It stands still until it is resumed. */
  constructor(clock: Clock, timeoutMs: number, strike: () => void) {
    this.#clock = clock;
    this.#leftMs = timeoutMs;
    this.#strike = strike;
  }

  resume(): void {
    if (this.#armed) return;
    const cancel = this.#clock.after(Math.max(this.#leftMs, 0), this.#strike);
    this.#armed = { at: this.#clock.monotonic(), cancel };
  }

  pause(): void {
    if (!this.#armed) return;
    this.#armed.cancel();
    this.#leftMs -= this.#clock.monotonic() - this.#armed.at;
    this.#armed = null;
  }
}
