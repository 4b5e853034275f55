import type { BatchTarget } from './targets.ts';

const keptTimes = 20;

/** How long batches of each model have taken of late, as far as this engine has seen them. */
export class BatchTimes {
  readonly #seen = new Map<BatchTarget, number[]>();
  readonly #firstGuessMs: number;

  /** `firstGuessMs`: what a batch is expected to take before one was seen. */
  constructor(firstGuessMs: number) {
    this.#firstGuessMs = firstGuessMs;
  }

  /** A batch has ended with all its answers. */
  observe(target: BatchTarget, durationMs: number): void {
    const seen = this.#seen.get(target) ?? [];
    this.#seen.set(target, [...seen, durationMs].slice(-keptTimes));
  }

  /** The median, milliseconds. */
  expectedMs(target: BatchTarget): number {
    return medianOf(this.#seen.get(target) ?? []) ?? this.#firstGuessMs;
  }
}

/** The middle of some times, the later of two; undefined of none. */
export function medianOf(times: readonly number[]): number | undefined {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}
