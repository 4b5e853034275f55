import type { ErrorData } from '../../base/errors.ts';
import type { RetryPolicy } from '../../sdk/recovery.ts';

/**
 * How long a failed step waits before its next try: what the policy says for this many failures, and on top of it what the
 * provider asked for (`details.retryAfterMs`), so that many who were told the same moment do not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ — "Full Jitter"
 * @param options `failures` tries that have failed, 1 or more; `random` uniform in [0, 1)
 */
export function retryDelayMs(
  policy: RetryPolicy,
  options: {
    readonly failures: number;
    readonly random: number;
    readonly failure?: ErrorData | undefined;
  },
): number {
  const { failures, random, failure } = options;
  const { maxMs = 30_000, jitter = 'full' } = policy;
  const delayMs = Math.min(maxMs, grownMs(policy, failures));
  return askedMs(failure) + (jitter === 'full' ? random * delayMs : delayMs);
}

function grownMs(policy: RetryPolicy, failures: number): number {
  const { backoff = 'exponential', baseMs = 500, factor = 2 } = policy;
  if (backoff === 'fixed') return baseMs;
  return backoff === 'linear' ? baseMs * failures : baseMs * factor ** (failures - 1);
}

/** Models clamp what their provider asks for; a tool of anybody's may say anything. */
const longestAskedMs = 600_000;

function askedMs(failure: ErrorData | undefined): number {
  const asked = failure?.details?.retryAfterMs;
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, longestAskedMs) : 0;
}
