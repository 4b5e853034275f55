/** The middle of some figures; NaN of none. */
export function median(figures: readonly number[]): number {
  return quantile(figures, 0.5);
}

/** A quantile by linear interpolation between the nearest ranks. */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  return low === undefined || high === undefined
    ? Number.NaN
    : low + (high - low) * (at - Math.floor(at));
}
