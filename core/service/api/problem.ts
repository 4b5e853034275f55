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
 * that there was one, and `report` gets it whole.
 */
export function answerProblems(report: (error: unknown) => void): ErrorRequestHandler {
  // biome-ignore lint/complexity/useMaxParams: Express knows an error handler by its four parameters
  return (thrown, request, response, _next) => {
    const error = toEngineError(thrown);
    if (error.status >= 500) report(thrown);
    // An answer that has begun cannot become a problem; cutting it short is the only honest end.
    if (response.headersSent) return void response.destroy();
    sendProblem(response, problemOf(error, request.originalUrl.split('?', 1)[0] as string));
  };
}

function sendProblem(response: Response, problem: Problem): void {
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(toVisible(JSON.stringify(problem)));
}

function problemOf(error: EngineError, instance: string): Problem {
  const { status, retryable } = errorRow(error.code);
  const { errors } = (error.details ?? {}) as { readonly errors?: readonly FieldError[] };
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
  };
}

function toEngineError(thrown: unknown): EngineError {
  if (isEngineError(thrown)) return thrown;
  const { status } = (thrown ?? {}) as { readonly status?: unknown };
  // Errors of the body parser and of the router carry the status that they stand for; their texts quote the request.
  if (typeof status === 'number' && status >= 400 && status < 500)
    return refusal(status, thrown as Error);
  return translateDbError(thrown);
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
