import type { Clock } from '../base/clock.ts';

const firstMs = 1_000;
const longestMs = 300_000;

/** What is set aside: its last error, how often it has failed, and until when it waits (monotonic, ms). */
interface Aside {
  readonly error: unknown;
  readonly tries: number;
  readonly until: number;
}

/**
 * What failed in a round while others of its kind did not: it waits, a second first, twice as long each time and five minutes at most, so
 * that it keeps nobody behind it waiting and is told of now and then only.
 */
export class SetAside {
  readonly #clock: Clock;
  readonly #onError: (id: string, error: unknown) => void;
  readonly #kept = new Map<string, Aside>();

  constructor(clock: Clock, onError: (id: string, error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Those that wait; what has not failed again for long is forgotten. */
  get waiting(): readonly string[] {
    const now = this.#clock.monotonic();
    for (const [id, { until }] of this.#kept) if (until + longestMs < now) this.#kept.delete(id);
    return [...this.#kept].flatMap(([id, { until }]) => (until > now ? [id] : []));
  }

  /** The last error of each that has failed and not succeeded since. */
  get errors(): readonly unknown[] {
    return [...this.#kept.values()].map(({ error }) => error);
  }

  /** How often one has failed since it last succeeded. */
  triesOf(id: string): number {
    return this.#kept.get(id)?.tries ?? 0;
  }

  /** One has failed: it is told of, and waits. */
  add(id: string, error: unknown): void {
    const tries = this.triesOf(id) + 1;
    const waitMs = Math.min(firstMs * 2 ** (tries - 1), longestMs);
    this.#kept.set(id, { error, tries, until: this.#clock.monotonic() + waitMs });
    this.#onError(id, error);
  }

  /** One has succeeded, or is gone. */
  remove(id: string): void {
    this.#kept.delete(id);
  }
}
