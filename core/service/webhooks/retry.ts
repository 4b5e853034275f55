const minute = 60_000;
const hour = 60 * minute;

/**
 * Before each attempt, from the failure of the one before; together a good three days.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Deliverability and reliability"
 */
export const delaysMs: readonly number[] = [
  0,
  5_000,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** Share of a delay that may be added to it, so that what failed together does not come back together. */
const jitter = 0.1;

/** The longest that an endpoint may ask to be left alone. */
const longestWaitMs = 24 * hour;

/** What came of one attempt. */
export interface Outcome {
  /** `gone`: it wants nothing more, ever. */
  readonly kind: 'delivered' | 'failed' | 'gone';
  /** Null: there was no answer. */
  readonly status: number | null;
  readonly error: string | null;
  /** The beginning of the answer, scrubbed. */
  readonly answer: string | null;
  readonly durationMs: number;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | null;
}

/**
 * How long after a failed attempt the next one is made; null: that was the last. `tries` are the attempts so far, the failed one included;
 * `chance` is 0 to 1.
 */
export function nextDelayMs(
  tries: number,
  { retryAfterMs, chance }: { readonly retryAfterMs: number | null; readonly chance: number },
): number | null {
  const delay = delaysMs[tries];
  if (delay === undefined) return null;
  const asked = Math.min(retryAfterMs ?? 0, longestWaitMs);
  return Math.round(Math.max(delay, asked) * (1 + jitter * chance));
}

/** What an answer says about the delivery: 2xx alone is success, and a redirect is not followed. */
export function judge(status: number): Outcome['kind'] {
  if (status >= 200 && status < 300) return 'delivered';
  return status === 410 ? 'gone' : 'failed';
}

const mayAskToWait = new Set([429, 502, 503, 504]);

/** RFC 9110, section 10.2.3: seconds, or a date. */
export function retryAfterMs(status: number, header: string | null, nowMs: number): number | null {
  if (!mayAskToWait.has(status) || header === null) return null;
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
