import type { Demand } from './gate-line.ts';

/** What model calls have come to since the engine began, rehearsed ones included. */
export interface CallTotals {
  readonly requests: number;
  readonly tokens: number;
  /** How long granted calls had waited. */
  readonly waits: { readonly averageMs: number; readonly maxMs: number };
}

/** Counts model calls. */
export class Tally {
  #requests = 0;
  #tokens = 0;
  #waitedMs = 0;
  #longestMs = 0;

  granted(waitedMs: number): void {
    this.#requests += 1;
    this.#waitedMs += waitedMs;
    this.#longestMs = Math.max(this.#longestMs, waitedMs);
  }

  /** A granted call was never made. */
  released(): void {
    this.#requests -= 1;
  }

  used({ inputTokens, outputTokens }: Demand): void {
    this.#tokens += inputTokens + outputTokens;
  }

  get totals(): CallTotals {
    const averageMs = this.#requests > 0 ? this.#waitedMs / this.#requests : 0;
    return {
      requests: this.#requests,
      tokens: this.#tokens,
      waits: { averageMs, maxMs: this.#longestMs },
    };
  }
}
