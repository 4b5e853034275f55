import { systemClock } from '../../../base/clock.ts';
import { EngineError, isEngineError } from '../../../base/errors.ts';
import { toModelError } from '../fault.ts';
import type { ModelRequest } from '../model.ts';

/** What LangChain's own codes mean where a provider's status is not known (LangChainErrorCodes of @langchain/core 1.4). */
const statusOfCode: Readonly<Record<string, number>> = {
  MODEL_AUTHENTICATION: 401,
  MODEL_NOT_FOUND: 404,
  MODEL_RATE_LIMIT: 429,
  INVALID_PROMPT_INPUT: 400,
  INVALID_TOOL_RESULTS: 400,
  CONTEXT_OVERFLOW: 400,
  MESSAGE_COERCION_FAILURE: 400,
};

interface Thrown {
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly lc_error_code?: unknown;
  readonly headers?: unknown;
  readonly error?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly response?: { readonly status?: unknown; readonly headers?: unknown } | null;
}

/** Turns what a chat model threw into one of our errors: its packages pass on what the SDKs of their providers throw. */
export function toLangChainError(
  thrown: unknown,
  { provider, request }: { readonly provider: string; readonly request: ModelRequest },
): EngineError {
  if (isEngineError(thrown) || thrown instanceof SyntaxError || thrown instanceof RangeError) {
    return toModelError(thrown, connectionOf(provider), request);
  }
  const raw = (typeof thrown === 'object' ? thrown : { message: String(thrown) }) as Thrown | null;
  const { error, code, message, cause, response } = raw ?? {};
  const status = statusOf(raw ?? {});
  if (status === 401 || status === 403) {
    return new EngineError(
      'MODEL_REFUSED',
      `${provider}, by LangChain, refused its key (status ${status}); give the chat model a key that may use ${request.model}.`,
      { details: { status } },
    );
  }
  const headers = toHeaders(raw?.headers ?? response?.headers);
  return toModelError(
    { status, headers, error, code, message, cause },
    connectionOf(provider),
    request,
  );
}

function statusOf({ status, statusCode, response, lc_error_code }: Thrown): number | undefined {
  const told = [status, statusCode, response?.status].find((each) => typeof each === 'number');
  return (told as number | undefined) ?? statusOfCode[String(lc_error_code)];
}

function toHeaders(headers: unknown): Headers {
  if (headers instanceof Headers) return headers;
  const entries = Object.entries((headers ?? {}) as object);
  return new Headers(entries.filter(([, value]) => typeof value === 'string'));
}

/** How errors name where a call went; its key is the chat model's, which nobody else knows. */
function connectionOf(provider: string) {
  return {
    ...{ provider, baseUrl: '', origin: 'the end of a LangChain chat model' },
    ...{ apiKey: '', apiKeyEnv: 'the chat model', clock: systemClock },
  };
}
