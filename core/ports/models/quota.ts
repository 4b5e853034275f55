import type { Quota, QuotaLine } from './model.ts';

// No limit of any provider is near a trillion a window, and no window that these headers speak of is longer than a day.
const maxCount = 1e12;
const maxResetMs = 86_400_000;

/**
 * What the headers of a response say of the account's limits; undefined when they say nothing that can be used. Nonsense is left
 * out line by line: what is no number, negative, above 1e12, or resets later than in a day.
 *
 * OpenAI and servers like it: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, resets as durations (`6m0s`, `20ms`).
 * Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, resets as RFC 3339
 * moments by its own clock, so they are read against the `Date` of the same response.
 * @see https://developers.openai.com/api/docs/guides/rate-limits (2026-11)
 * @see https://platform.claude.com/docs/en/api/rate-limits (2026-11)
 */
export function readQuota(headers: Headers, now: number): Quota | undefined {
  const quota = {
    ...line('requests', 'requests', { headers, now }),
    ...line('tokens', 'tokens', { headers, now }),
    ...line('inputTokens', 'input-tokens', { headers, now }),
    ...line('outputTokens', 'output-tokens', { headers, now }),
  };
  return Object.keys(quota).length > 0 ? quota : undefined;
}

/** The moment a response left its server, by the server's clock, ms since the epoch; `now` when it does not say. */
export function sentAt(headers: Headers, now: number): number {
  return readDate(headers.get('date')) ?? now;
}

/** An HTTP date (RFC 9110 section 5.6.7) in ms since the epoch; undefined for anything else, which `Date.parse` would guess at. */
export function readDate(text: string | null): number | undefined {
  if (text === null || !/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text.trim())) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

function line(
  key: keyof Quota,
  name: string,
  { headers, now }: { readonly headers: Headers; readonly now: number },
): Quota {
  const read = (what: string) =>
    headers.get(`x-ratelimit-${what}-${name}`) ??
    headers.get(`anthropic-ratelimit-${name}-${what}`);
  const limit = readCount(read('limit'));
  const remaining = readCount(read('remaining'));
  const resetMs = readReset(read('reset'), sentAt(headers, now));
  const found: QuotaLine = {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(resetMs !== undefined && { resetMs }),
  };
  return Object.keys(found).length > 0 ? { [key]: found } : {};
}

function readCount(text: string | null): number | undefined {
  if (text === null || !/^\d{1,13}$/.test(text.trim())) return undefined;
  const count = Number(text);
  return count <= maxCount ? count : undefined;
}

function readReset(text: string | null, sentAtMs: number): number | undefined {
  if (text === null) return undefined;
  const trimmed = text.trim();
  const waitMs = readDuration(trimmed) ?? readMoment(trimmed, sentAtMs);
  if (waitMs === undefined || Math.abs(waitMs) > maxResetMs) return undefined;
  // A bucket that is full again resets in the second that the response was sent in, or just before.
  return Math.max(0, Math.ceil(waitMs));
}

const unitMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

// A bare number is no duration: servers that send one mean seconds, milliseconds or a moment, each its own.
function readDuration(text: string): number | undefined {
  const part = /(\d{1,15}(?:\.\d{1,15})?)(ms|us|ns|d|h|m|s)/g;
  const parts = [...text.matchAll(part)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) return undefined;
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (unitMs[unit ?? ''] ?? 0), 0);
}

function readMoment(text: string, sentAtMs: number): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at - sentAtMs;
}
