/** How far an outlier counts: up to this many times the median. */
const cut = 4;

/**
 * The latest values of a quantity, at most `size`; older ones make room. Adding is O(1); the figures are worked out when asked
 * for after a change, O(size log size). The latest, not a random choice: what models and prompts take changes.
 */
export class Reservoir {
  readonly #values: number[] = [];
  readonly #size: number;
  #next = 0;
  #figures: { readonly median: number; readonly mean: number } | null = null;

  /** @default size 64 */
  constructor(size = 64) {
    this.#size = size;
  }

  get count(): number {
    return this.#values.length;
  }

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#size;
    this.#figures = null;
  }

  /** The middle value, of an even number of them the mean of the two in the middle; null without values. */
  get median(): number | null {
    return this.#known()?.median ?? null;
  }

  /**
   * The mean with every value cut at four times the median, or null. Sums of many steps follow means, which lie above medians
   * where times have long tails; a tenth of the values gone wild moves it by less than a third.
   */
  get mean(): number | null {
    return this.#known()?.mean ?? null;
  }

  #known(): { readonly median: number; readonly mean: number } | null {
    if (this.#values.length === 0) return null;
    this.#figures ??= figuresOf(this.#values);
    return this.#figures;
  }
}

function figuresOf(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  const most = median === 0 ? Number.POSITIVE_INFINITY : cut * median;
  const sum = sorted.reduce((total, value) => total + Math.min(value, most), 0);
  return { median, mean: sum / sorted.length };
}
