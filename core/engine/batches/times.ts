import type { BatchTarget } from './targets.ts';

/** What a batch is expected to take before one was seen: providers say that most end within an hour. */
const firstGuessMs = 3_600_000;
const keptTimes = 20;

/** How long batches of each model have taken of late, as far as this engine has seen them. */
export class BatchTimes {
  readonly #seen = new Map<BatchTarget, number[]>();

  /** A batch has ended with all its answers. */
  observe(target: BatchTarget, durationMs: number): void {
    const seen = this.#seen.get(target) ?? [];
    this.#seen.set(target, [...seen, durationMs].slice(-keptTimes));
  }

  /** The median, milliseconds. */
  expectedMs(target: BatchTarget): number {
    const sorted = (this.#seen.get(target) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? firstGuessMs;
  }
}
