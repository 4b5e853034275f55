import { catalogue, type ErrorCategory, type ErrorRow } from './error-catalogue.ts';
import { toPlainJson } from './plain-data.ts';
import { excessOf, type Largest } from './size.ts';

/** A stable name from the catalogue; compare this, never the class: errors cross threads and JSON. */
export type ErrorCode = keyof typeof catalogue;

/** An error as data: what travels between threads, into the journal and out of the API. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The only error class of the engine. The message says what happened, the value seen and what to do; it holds no
 * secret and no personal data.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly details?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  get retryable(): boolean {
    return catalogue[this.code].retryable;
  }

  get status(): number {
    return catalogue[this.code].status;
  }

  get category(): ErrorCategory {
    return catalogue[this.code].category;
  }
}

/** The catalogue's row of a code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return catalogue[code];
}

/** All codes, for the reference page and its test. */
export const errorCodes = Object.keys(catalogue) as readonly ErrorCode[];

/** Recognises an engine error across duplicate packages and realms by its code. */
export function isEngineError(error: unknown): error is EngineError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(catalogue, error.code)
  );
}

/** Turns anything thrown into data that can be sent and stored, whatever it holds; what is not ours gets `fallback` as its code. */
export function toErrorData(error: unknown, fallback: ErrorCode = 'INTERNAL'): ErrorData {
  try {
    const message = shortened(String(error instanceof Error ? error.message : error));
    if (!isEngineError(error)) return { code: fallback, message };
    const { code } = error;
    const details = toPlainJson(error.details);
    if (details === null || excessOf(details, largestDetails) !== null) return { code, message };
    return { code, message, details: JSON.parse(details) };
  } catch {
    // A value without a text, a getter that throws.
    return { code: fallback, message: 'What was thrown cannot be read.' };
  }
}

/** Characters of a message that are kept: it is a sentence, whatever anybody's code has put into it. */
const longestMessage = 10_000;
/** Larger details are left out: half of them nobody could read. */
const largestDetails: Largest = { bytes: 1_000_000, values: 20_000 };

/** Ends with a whole word: half a secret is not known for one. */
function shortened(message: string): string {
  if (message.length <= longestMessage) return message;
  const kept = message
    .slice(0, longestMessage)
    .replace(/\S{0,999}$/, '')
    .toWellFormed();
  return `${kept}… (${message.length - kept.length} characters more)`;
}

/** Turns error data back into something to throw. */
export function fromErrorData(data: ErrorData): EngineError {
  return new EngineError(data.code, data.message, data.details && { details: data.details });
}

/** Ends an exhaustive `switch`; reached only when a union grew and a case was forgotten. @throws INTERNAL */
export function assertNever(value: never): never {
  throw new EngineError(
    'INTERNAL',
    `Unexpected case ${JSON.stringify(value)}; this is a defect in Tutti.`,
  );
}
