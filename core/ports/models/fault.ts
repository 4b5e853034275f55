import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Connection } from './connection.ts';
import type { ModelRequest } from './model.ts';
import { readDate, sentAt } from './quota.ts';

const maxRetryAfterMs = 600_000;
/** Nobody means a longer wait than a day: it is a moment that was written as seconds, or worse. */
const absurdMs = 86_400_000;

/**
 * How long the provider asks to wait, in ms, 600000 at most; undefined when it did not say or wrote nonsense, which a negative
 * number and more than a day are, too. A date that has passed is 0.
 * `retry-after-ms` comes first, then `Retry-After` as seconds or HTTP date (RFC 9110 section 10.2.3); a date counts from the
 * response's own `Date`, so that clocks which differ do no harm.
 */
function readRetryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after');
  const seconds = readNumber(text);
  const waitMs =
    readNumber(headers.get('retry-after-ms')) ??
    (seconds === undefined ? readDelay(text, sentAt(headers, now)) : seconds * 1000);
  if (waitMs === undefined || !(waitMs >= 0) || waitMs > absurdMs) return undefined;
  return Math.round(Math.min(waitMs, maxRetryAfterMs));
}

function readDelay(date: string | null, from: number): number | undefined {
  const until = readDate(date);
  return until === undefined ? undefined : Math.max(0, until - from);
}

function readNumber(text: string | null): number | undefined {
  if (text === null || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

interface Fault {
  readonly status: number | undefined;
  /** The provider's own name for the fault: `insufficient_quota`, `overloaded_error`, … */
  readonly kind: string;
  readonly text: string;
  readonly headers: Headers;
}

/**
 * Turns what an SDK threw into one of ours. Keys and what the messages say never reach the error: the provider's text is
 * passed on for refused requests only, shortened, and without any run of characters that the request contains.
 */
export function toModelError(
  thrown: unknown,
  connection: Connection,
  request: ModelRequest,
): EngineError {
  if (isEngineError(thrown)) return thrown;
  // The SDKs parse events with JSON.parse; values nested deeper than the stack overflow it in what follows.
  if (thrown instanceof SyntaxError || thrown instanceof RangeError) {
    const why = thrown instanceof SyntaxError ? 'is no JSON' : 'is nested too deep or too long';
    return new EngineError(
      'MODEL_REPLY_INVALID',
      `The reply of ${request.model} holds an event that ${why}.`,
    );
  }
  const fault = readFault(thrown);
  const code = classify(fault);
  const retryAfterMs = readRetryAfter(fault.headers, connection.clock.now());
  return new EngineError(code, describe(code, fault, { connection, request }), {
    details: {
      ...(fault.status !== undefined && { status: fault.status }),
      ...(fault.kind !== '' && { kind: fault.kind.slice(0, 80) }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  });
}

// Both SDKs hang `status`, `headers` and the parsed body `error` on what they throw; a fault inside a stream has no
// status. Anthropic's body wraps the fault once more, as `{ type: 'error', error: { type, message } }`.
function readFault(thrown: unknown): Fault {
  const raw = asRecord(thrown);
  const body = asRecord(raw.error);
  const inner = body.error === undefined ? body : asRecord(body.error);
  const { error_code: precise } = asRecord(inner.details);
  const names = [precise === spentLimit ? precise : undefined, inner.code, inner.type, raw.code];
  const named = names.find((name) => typeof name === 'string');
  const network = asRecord(asRecord(raw.cause).cause ?? raw.cause);
  const text = [inner.message, network.code, network.message, raw.message].find(
    (each) => typeof each === 'string' && each !== '',
  );
  return {
    status: typeof raw.status === 'number' ? raw.status : undefined,
    kind: typeof named === 'string' ? named : '',
    text: typeof text === 'string' ? text : '',
    headers: raw.headers instanceof Headers ? raw.headers : new Headers(),
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

type FaultCode =
  | 'MODEL_REFUSED'
  | 'MODEL_UNKNOWN'
  | 'MODEL_RATE_LIMITED'
  | 'MODEL_UNAVAILABLE'
  | 'MODEL_REPLY_INVALID';

// What Anthropic says of a spent month, inside what looks like any 429 (https://platform.claude.com/docs/en/api/rate-limits, 2026-11).
const spentLimit = 'enforced_spend_limit_reached';

// A spent quota is a 429, but no wait helps; the rest of the names are those of faults inside a stream.
const codeOfKind: Readonly<Record<string, FaultCode>> = {
  insufficient_quota: 'MODEL_REFUSED',
  [spentLimit]: 'MODEL_REFUSED',
  billing_error: 'MODEL_REFUSED',
  authentication_error: 'MODEL_REFUSED',
  permission_error: 'MODEL_REFUSED',
  invalid_request_error: 'MODEL_REFUSED',
  invalid_prompt: 'MODEL_REFUSED',
  not_found_error: 'MODEL_UNKNOWN',
  model_not_found: 'MODEL_UNKNOWN',
  rate_limit_error: 'MODEL_RATE_LIMITED',
  rate_limit_exceeded: 'MODEL_RATE_LIMITED',
  overloaded_error: 'MODEL_RATE_LIMITED',
};

const codeOfStatus: Readonly<Record<number, FaultCode>> = {
  404: 'MODEL_UNKNOWN',
  408: 'MODEL_UNAVAILABLE',
  409: 'MODEL_UNAVAILABLE',
  425: 'MODEL_UNAVAILABLE',
  429: 'MODEL_RATE_LIMITED',
  529: 'MODEL_RATE_LIMITED',
};

function classify({ status, kind }: Fault): FaultCode {
  if (kind === 'insufficient_quota' || kind === spentLimit) return 'MODEL_REFUSED';
  if (status === undefined) return codeOfKind[kind] ?? 'MODEL_UNAVAILABLE';
  return codeOfStatus[status] ?? (status >= 500 ? 'MODEL_UNAVAILABLE' : 'MODEL_REFUSED');
}

function describe(
  code: FaultCode,
  { status, kind, text }: Fault,
  { connection, request }: { readonly connection: Connection; readonly request: ModelRequest },
): string {
  const at = `${connection.provider} at ${connection.origin}`;
  const answer = status === undefined ? kind || 'no answer' : `status ${status}`;
  if (status === 401 || status === 403 || kind === 'authentication_error') {
    return `${at} refused the key in ${connection.apiKeyEnv} (${answer}); set ${connection.apiKeyEnv} to a key that may use ${request.model}.`;
  }
  const said = redact(text, [connection.apiKey, ...spokenTexts(request)]);
  switch (code) {
    case 'MODEL_UNKNOWN':
      return `${at} does not know the model ${request.model} (${answer}); correct the profile's model or base URL.`;
    case 'MODEL_RATE_LIMITED':
      return `${at} limits ${request.model} (${answer}); wait, or lower the profile's limits.`;
    case 'MODEL_REFUSED':
      return `${at} refused the request to ${request.model} (${answer}): ${said}`;
    case 'MODEL_UNAVAILABLE':
      return status === undefined
        ? `${at} cannot be reached or broke off: ${said}`
        : `${at} failed (${answer}); try later.`;
    case 'MODEL_REPLY_INVALID':
      return `${at} sent a reply that cannot be read (${answer}).`;
  }
}

function spokenTexts(request: ModelRequest): string[] {
  return request.messages
    .flatMap(({ parts }) => parts)
    .map((part) => {
      if (part.kind === 'text') return part.text;
      return part.kind === 'call' ? (JSON.stringify(part.args) ?? '') : part.content;
    });
}

// Shorter runs than this are words that any request shares with any error text.
const sharedRun = 12;

/** Shortens a text to one line of 300 characters and blanks every run of 12 that also stands in one of `secrets`. */
function redact(text: string, secrets: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 300).toWellFormed();
  const shared = new Array<boolean>(line.length).fill(false);
  for (let from = 0; from + sharedRun <= line.length; from++) {
    const run = line.slice(from, from + sharedRun);
    if (secrets.some((secret) => secret.includes(run))) shared.fill(true, from, from + sharedRun);
  }
  return [...line.split('')]
    .map((character, index) => (shared[index] ? '\0' : character))
    .join('')
    .replace(/\0+/g, '…');
}
