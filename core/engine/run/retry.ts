import type { ErrorData } from '../../base/errors.ts';

/** First delay, and the longest, milliseconds. */
const baseMs = 500;
const longestMs = 30_000;

/**
 * How long a failed step waits before its next try: exponential with full jitter, and at least what the provider asked for
 * (`details.retryAfterMs`).
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ — "Full Jitter"
 * @param failures attempts that have failed, 1 or more
 * @param random uniform in [0, 1)
 */
export function retryDelayMs(failures: number, random: number, failure?: ErrorData): number {
  const asked = Number(failure?.details?.retryAfterMs ?? 0);
  return asked + random * Math.min(longestMs, baseMs * 2 ** (failures - 1));
}
