import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { EngineError, errorRow, isEngineError } from '../../base/errors.ts';
import { toVisible } from '../../base/text.ts';
import { translateDbError } from '../../ports/db/db-error.ts';

/** RFC 9457, section 3.1; `code` and `retryable` are the error catalogue's, `errors` say which field is wrong. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly errors?: readonly FieldError[];
  /** The limits that a request was beyond, by their names in `RateLimit-Policy`. */
  readonly 'violated-policies'?: readonly string[];
}

/** One wrong field of a request. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) into the body, or the name of a query parameter or header. */
  readonly pointer: string;
  readonly detail: string;
}

// Registered with IANA for requests beyond a limit: https://www.iana.org/assignments/http-problem-types
const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

/** Answers whatever no route took. */
export const refuseUnknown: RequestHandler = (request) => {
  throw new EngineError(
    'ROUTE_UNKNOWN',
    `There is no ${request.method} ${request.path.slice(0, 200)}; see / for what there is.`,
  );
};

/**
 * Answers errors as `application/problem+json`. Only catalogue errors speak for themselves; of any other the caller learns
 * that there was one, and `report` gets it whole. `scrub` takes secrets out of what the caller reads.
 */
export function answerProblems(
  report: (error: unknown) => void,
  scrub: (text: string) => string = (text) => text,
): ErrorRequestHandler {
  // biome-ignore lint/complexity/useMaxParams: Express knows an error handler by its four parameters
  return (thrown, request, response, _next) => {
    const error = toEngineError(thrown);
    if (error.status >= 500) report(thrown);
    // An answer that has begun cannot become a problem; cutting it short is the only honest end.
    if (response.headersSent) return void response.destroy();
    challenge(response, error);
    const problem = problemOf(error, request.originalUrl.split('?', 1)[0] as string);
    sendProblem(response, { ...problem, detail: scrub(problem.detail) });
  };
}

/** RFC 6750, section 3, and RFC 9110, section 10.2.3: what a client may do next. */
function challenge(response: Response, { status, details }: EngineError): void {
  const { none, retryAfterSeconds } = details ?? {};
  if (status === 401 && !response.get('WWW-Authenticate'))
    response.set(
      'WWW-Authenticate',
      `Bearer realm="tutti"${none === true ? '' : ', error="invalid_token"'}`,
    );
  if (typeof retryAfterSeconds === 'number') response.set('Retry-After', String(retryAfterSeconds));
}

function sendProblem(response: Response, problem: Problem): void {
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(toVisible(JSON.stringify(problem)));
}

function problemOf(error: EngineError, instance: string): Problem {
  const { status, retryable } = errorRow(error.code);
  const { errors, violated } = (error.details ?? {}) as {
    readonly errors?: readonly FieldError[];
    readonly violated?: readonly string[];
  };
  const detail =
    error.code === 'INTERNAL'
      ? 'Something failed inside Tutti; its log says what. Try again or report it.'
      : error.message;
  return {
    type: error.code === 'RATE_LIMITED' ? quotaExceeded : 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance,
    code: error.code,
    retryable,
    ...(errors && { errors }),
    ...(error.code === 'RATE_LIMITED' && violated && { 'violated-policies': violated }),
  };
}

function toEngineError(thrown: unknown): EngineError {
  if (isEngineError(thrown) && !isUnkeepable(thrown.cause)) return thrown;
  const { status } = (thrown ?? {}) as { readonly status?: unknown };
  // Errors of the body parser and of the router carry the status that they stand for; their texts quote the request.
  if (typeof status === 'number' && status >= 400 && status < 500)
    return refusal(status, thrown as Error);
  if (isUnkeepable(isEngineError(thrown) ? thrown.cause : thrown))
    return new EngineError(
      'INPUT_INVALID',
      'A text of the request has the character U+0000, which cannot be kept; leave it out.',
      { cause: thrown },
    );
  return translateDbError(thrown);
}

/** PostgreSQL's texts hold no U+0000: 22021 where it is sent as it is, 22P05 where it is escaped in JSON. */
function isUnkeepable(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return code === '22021' || code === '22P05';
}

function refusal(status: number, cause: Error): EngineError {
  switch (status) {
    case 413:
      return new EngineError('BODY_TOO_LARGE', 'The body is larger than 1 MB; send less.', {
        cause,
      });
    case 415:
      return new EngineError(
        'MEDIA_UNSUPPORTED',
        'The body must be application/json in UTF-8, not compressed in an unknown way.',
        { cause },
      );
    default:
      return new EngineError(
        'INPUT_INVALID',
        'The request cannot be read: its body is no JSON, or its path is not well encoded.',
        { cause },
      );
  }
}
