import type { Clock } from '../../base/clock.ts';

/** How long an answer may be remembered, and how many are. */
export interface RememberOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly forMs: number;
  /** @default 10000 */
  readonly most?: number;
}

interface Kept<T> {
  readonly atMs: number;
  readonly value: Promise<T | null>;
}

/** Remembers for a moment what the database said, so that requests in a row ask once. What is not there is asked for again. */
export class Remembered<T> {
  readonly #options: Required<RememberOptions>;
  // In the order of age: the first is the oldest.
  readonly #kept = new Map<string, Kept<T>>();

  constructor(options: RememberOptions) {
    this.#options = { most: 10_000, ...options };
  }

  /** What `read` says, or said at most `forMs` ago; two that ask at once share an answer. */
  async get(name: string, read: () => Promise<T | null>): Promise<T | null> {
    const known = this.#fresh(name);
    if (known) return await known.value;
    // As old as the question: what changes while it is under way must be seen in time as well.
    const kept = { atMs: this.#options.clock.monotonic(), value: read() };
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    this.#shrink();
    try {
      const value = await kept.value;
      if (value === null) this.#forget(name, kept);
      return value;
    } catch (error) {
      this.#forget(name, kept);
      throw error;
    }
  }

  /** Whether an answer is at hand. */
  has(name: string): boolean {
    return this.#fresh(name) !== undefined;
  }

  #fresh(name: string): Kept<T> | undefined {
    const kept = this.#kept.get(name);
    const { clock, forMs } = this.#options;
    return kept && clock.monotonic() - kept.atMs < forMs ? kept : undefined;
  }

  #forget(name: string, kept: Kept<T>): void {
    if (this.#kept.get(name) === kept) this.#kept.delete(name);
  }

  #shrink(): void {
    if (this.#kept.size <= this.#options.most) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}
